/** An object as a server of the Assistants API gave it out. */
export type PlainObject = Record<string, unknown> & { object?: unknown, id?: unknown, created_at?: unknown }

/**
 * Objects with the keys that they have today. Older versions of the API, and other servers of it, leave some out or set them to null.
 * Nothing here throws: what is wrong beyond that, the schemas say.
 */

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Keys that say nothing give way to their defaults. */
export function withoutNulls (object: PlainObject): PlainObject {
  const kept = Object.entries(object).filter(([key, value]) => value !== null || ['name', 'description', 'instructions', 'reasoning_effort'].includes(key))
  return { name: null, instructions: null, metadata: {}, ...Object.fromEntries(kept), tools: wireTools(object.tools), ...responseFormat(object) } as PlainObject
}

export function wireMessage (object: PlainObject, createdAt: number): PlainObject {
  const attachments = Array.isArray(object.attachments) ? object.attachments as unknown[] : []
  return {
    incomplete_details: null,
    completed_at: createdAt,
    incomplete_at: null,
    assistant_id: null,
    run_id: null,
    ...object,
    status: object.status ?? 'completed',
    attachments: attachments.map(attachment => isObject(attachment) ? { ...attachment, tools: attachment.tools ?? [] } : attachment),
    metadata: object.metadata ?? {}
  }
}

export function wireRun (object: PlainObject): PlainObject {
  const { truncation_strategy: truncation } = object
  return {
    started_at: null,
    expires_at: null,
    cancelled_at: null,
    failed_at: null,
    completed_at: null,
    last_error: null,
    reasoning_effort: null,
    max_completion_tokens: null,
    max_prompt_tokens: null,
    incomplete_details: null,
    ...object,
    // Of a run that has ended. Some servers leave the last one there.
    ...isEnded(object.status) ? { required_action: null } : {},
    instructions: object.instructions ?? '',
    tools: wireTools(object.tools),
    tool_resources: object.tool_resources ?? {},
    metadata: object.metadata ?? {},
    temperature: object.temperature ?? 1,
    top_p: object.top_p ?? 1,
    truncation_strategy: isObject(truncation) ? { last_messages: null, ...truncation } : { type: 'auto', last_messages: null },
    response_format: 'auto',
    ...responseFormat(object),
    tool_choice: object.tool_choice ?? 'auto',
    parallel_tool_calls: object.parallel_tool_calls ?? true,
    usage: wireUsage(object.usage)
  }
}

export function wireStep (object: PlainObject): PlainObject {
  const details = object.step_details
  const calls = isObject(details) && Array.isArray(details.tool_calls) ? details.tool_calls as unknown[] : undefined
  return {
    cancelled_at: null,
    completed_at: null,
    expired_at: null,
    expires_at: null,
    failed_at: null,
    last_error: null,
    ...object,
    ...calls === undefined ? {} : { step_details: { type: 'tool_calls', tool_calls: calls.map(wireCall) } },
    metadata: object.metadata ?? {},
    usage: wireUsage(object.usage)
  }
}

const isEnded = (status: unknown): boolean => ['cancelled', 'failed', 'completed', 'incomplete', 'expired'].includes(status as string)

function responseFormat ({ response_format: format }: PlainObject): object {
  if (format == null) return {}
  // Some schemas come with keys that are null.
  if (!isObject(format) || !isObject(format.json_schema)) return { response_format: format }
  return { response_format: { ...format, json_schema: Object.fromEntries(Object.entries(format.json_schema).filter(([, value]) => value !== null)) } }
}

const RANKING = { ranker: 'default_2024_08_21', score_threshold: 0 }

function wireTools (tools: unknown): unknown {
  if (!Array.isArray(tools)) return tools ?? []
  return (tools as unknown[]).map(tool => {
    if (!isObject(tool)) return tool
    if (tool.type === 'file_search') {
      const given = isObject(tool.file_search) ? tool.file_search : {}
      const { max_num_results: max, ranking_options: ranking } = given
      return { ...tool, file_search: { ...max == null ? {} : { max_num_results: max }, ranking_options: { ...RANKING, ...isObject(ranking) ? ranking : {} } } }
    }
    if (tool.type === 'function' && isObject(tool.function)) {
      const { description, parameters, strict, ...rest } = tool.function
      return { ...tool, function: { ...rest, description: description ?? null, parameters: parameters ?? {}, strict: strict ?? false } }
    }
    return tool
  })
}

function wireCall (call: unknown): unknown {
  if (!isObject(call)) return call
  if (call.type === 'function' && isObject(call.function)) return { ...call, function: { output: null, ...call.function } }
  if (call.type === 'code_interpreter' && isObject(call.code_interpreter)) return { ...call, code_interpreter: { outputs: [], ...call.code_interpreter } }
  if (call.type === 'file_search') {
    const { ranking_options: ranking, results } = isObject(call.file_search) ? call.file_search : {}
    const found = Array.isArray(results) ? results as unknown[] : []
    return {
      ...call,
      file_search: {
        ranking_options: { ...RANKING, ...isObject(ranking) ? ranking : {} },
        results: found.map(result => isObject(result) ? { ...result, attributes: result.attributes ?? {} } : result)
      }
    }
  }
  return call
}

function wireUsage (usage: unknown): unknown {
  if (!isObject(usage)) return null
  const { prompt_token_details: prompt, completion_tokens_details: completion } = usage
  return {
    ...usage,
    prompt_token_details: { cached_tokens: 0, ...isObject(prompt) ? prompt : {} },
    completion_tokens_details: { reasoning_tokens: 0, ...isObject(completion) ? completion : {} }
  }
}

import type OpenAI from 'openai'
import type { Run } from '../api.js'

export type Language = 'typescript' | 'python' | 'curl'

/** What would be asked of the API to have the run again: what it was made with, but for what is so anyway. */
export function bodyOf (run: Run): OpenAI.Beta.Threads.Runs.RunCreateParamsNonStreaming {
  const optional: Partial<Record<keyof OpenAI.Beta.Threads.Runs.RunCreateParamsNonStreaming, unknown>> = {
    instructions: run.instructions === '' ? undefined : run.instructions,
    tools: run.tools.length === 0 ? undefined : run.tools,
    tool_choice: run.tool_choice === 'auto' ? undefined : run.tool_choice,
    parallel_tool_calls: run.parallel_tool_calls ? undefined : false,
    response_format: run.response_format === 'auto' ? undefined : run.response_format,
    temperature: run.temperature === 1 ? undefined : run.temperature,
    top_p: run.top_p === 1 ? undefined : run.top_p,
    max_prompt_tokens: run.max_prompt_tokens,
    max_completion_tokens: run.max_completion_tokens,
    truncation_strategy: run.truncation_strategy?.type === 'auto' ? undefined : run.truncation_strategy,
    metadata: Object.keys(run.metadata ?? {}).length === 0 ? undefined : run.metadata
  }
  return { assistant_id: run.assistant_id, model: run.model, ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined && value !== null)) }
}

/** A run as a program that starts the same one. */
export function codeOf (run: Run, language: Language, baseURL: string): string {
  const body = bodyOf(run)
  switch (language) {
    case 'typescript': return [
      'import OpenAI from \'openai\'', '',
      `const client = new OpenAI({ baseURL: '${baseURL}', apiKey: process.env.OPENAI_API_KEY ?? 'none' })`,
      `const stream = client.beta.threads.runs.stream(${JSON.stringify(run.thread_id)}, ${JSON.stringify(body, null, 2)})`,
      'stream.on(\'textDelta\', delta => process.stdout.write(delta.value ?? \'\'))',
      'await stream.finalRun()'
    ].join('\n')
    case 'python': return [
      'import os', 'from openai import OpenAI', '',
      `client = OpenAI(base_url=${JSON.stringify(baseURL)}, api_key=os.environ.get("OPENAI_API_KEY", "none"))`,
      'with client.beta.threads.runs.stream(',
      `    thread_id=${JSON.stringify(run.thread_id)},`,
      ...Object.entries(body).map(([name, value]) => `    ${name}=${pythonOf(value)},`),
      ') as stream:', '    for text in stream.text_deltas:', '        print(text, end="", flush=True)'
    ].join('\n')
    default: return [
      `curl -N ${baseURL}/threads/${run.thread_id}/runs \\`,
      '  -H "Authorization: Bearer $OPENAI_API_KEY" -H "OpenAI-Beta: assistants=v2" -H "Content-Type: application/json" \\',
      `  -d '${JSON.stringify({ ...body, stream: true }).replaceAll('\'', '\'\\\'\'')}'`
    ].join('\n')
  }
}

/** JSON but for its three words. */
function pythonOf (value: unknown): string {
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Array.isArray(value)) return `[${value.map(pythonOf).join(', ')}]`
  if (typeof value !== 'object') return JSON.stringify(value)
  return `{${Object.entries(value).map(([name, entry]) => `${JSON.stringify(name)}: ${pythonOf(entry)}`).join(', ')}}`
}

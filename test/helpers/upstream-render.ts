import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Gate } from './upstream-gate.js'
import type { Delta, Step, StreamReply, UpstreamUsage } from './upstream-replies.js'
import type { UpstreamRequest } from './upstream-request.js'

const ID = 'chatcmpl-upstream'
const CREATED = 1_700_000_000

/** Writes a scripted reply as server-sent events. */
export async function renderStream (reply: StreamReply, request: UpstreamRequest, response: ServerResponse): Promise<void> {
  const includeUsage = request.body.stream_options?.include_usage === true
  const usage = usageOf(reply, request, includeUsage)
  const base = { id: ID, object: 'chat.completion.chunk', created: CREATED, model: request.body.model }
  const frame = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`
  const choice = (delta: Delta, finish: string | null = null): Record<string, unknown> => ({
    ...base,
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(includeUsage ? { usage: null } : {})
  })
  const write = async (data: string | Uint8Array): Promise<void> => {
    if (response.destroyed) throw new Error('closed')
    request.bytesSent += data.length
    if (!response.write(data)) await drainedOrClosed(response)
  }

  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', ...reply.headers })
  response.flushHeaders()
  let first = true
  for (const step of reply.steps) {
    if (await control(step, request, response)) continue
    if (first && (typeof step === 'string' || 'delta' in step)) {
      await write(frame(choice({ role: 'assistant', content: '' })))
      first = false
    }
    request.tokensSent++
    if (typeof step === 'string') await write(frame(choice({ content: step })))
    else if ('delta' in step) await write(frame(choice(step.delta)))
    else if ('chunk' in step) await write(frame({ ...base, ...step.chunk }))
    else if ('raw' in step) await write(step.raw)
  }
  const withFinish = reply.usageOn === 'finish-chunk' && usage !== undefined
  if (typeof reply.finish === 'string') await write(frame({ ...choice({}, reply.finish), ...(withFinish ? { usage } : {}) }))
  if (usage !== undefined && !withFinish) await write(frame({ ...base, choices: [], usage }))
  if (reply.done !== false) await write('data: [DONE]\n\n')
  response.end()
}

/** The same reply for a request without `stream: true`: deltas joined to one message. */
export async function renderPlain (reply: StreamReply, request: UpstreamRequest, response: ServerResponse): Promise<void> {
  let content: string | null = null
  let refused: string | null = null
  const calls: { id?: unknown, type: string, function: { name?: unknown, arguments: string } }[] = []
  for (const step of reply.steps) {
    if (await control(step, request, response)) continue
    const delta: any = typeof step === 'string' ? { content: step } : 'delta' in step ? step.delta : {}
    if (delta.content) content = (content ?? '') + delta.content
    if (delta.refusal) refused = (refused ?? '') + delta.refusal
    for (const { index, function: fn, ...head } of delta.tool_calls ?? []) {
      const call = calls[index ?? 0] ??= { type: 'function', ...head, function: { name: fn.name, arguments: '' } }
      call.function.arguments += typeof fn.arguments === 'string' ? fn.arguments : JSON.stringify(fn.arguments)
    }
  }
  const message = { role: 'assistant', content, refusal: refused, ...(calls.length > 0 ? { tool_calls: calls } : {}) }
  renderJson(response, 200, {
    id: ID,
    object: 'chat.completion',
    created: CREATED,
    model: request.body.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: reply.finish ?? null }],
    usage: usageOf(reply, request, true) ?? null
  }, reply.headers)
}

export function renderJson (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

/** Destroys the connection; the error tells it from a client that left. */
export function cut (response: ServerResponse): void {
  response.destroy(new Error('cut by the script'))
}

async function drainedOrClosed (response: ServerResponse): Promise<void> {
  const either = new AbortController()
  const { signal } = either
  // Whichever comes second would listen for good.
  await Promise.race(['drain', 'close'].map(async event => await once(response, event, { signal }))).finally(() => either.abort())
}

/** Waits and faults. True: the step was one of them. Throws when the reply cannot go on. */
async function control (step: Step, request: UpstreamRequest, response: ServerResponse): Promise<boolean> {
  const over = (): void => { if (response.destroyed) throw new Error('closed') }
  if (step instanceof Promise || step instanceof Gate) {
    await Promise.race([step instanceof Gate ? step.pass() : step, request.aborted])
    over()
    return true
  }
  if (typeof step === 'string' || !('fault' in step)) return false
  if (step.fault === 'hang') await Promise.race([request.released, request.aborted])
  else {
    // Node holds writes back for a tick; what the script has sent is to arrive before the connection goes.
    await new Promise(resolve => setImmediate(resolve))
    while (!response.destroyed && (response.socket?.writableLength ?? 0) > 0) await Promise.race([once(response, 'drain'), once(response, 'close')])
    cut(response)
  }
  over()
  return true
}

function usageOf (reply: StreamReply, request: UpstreamRequest, asked: boolean): Partial<UpstreamUsage> | undefined {
  const { usage = true } = reply
  if (typeof usage === 'object') return usage
  if (!usage || !asked) return undefined
  const prompt = words(JSON.stringify(request.body.messages ?? []))
  const completion = reply.steps.filter(step => typeof step === 'string' || 'delta' in step).length
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion }
}

function words (value: string): number {
  return value.split(/\s+/).length
}

import type { AiSdkCallOptions, AiSdkModel, AiSdkStreamPart } from '../../lib/models/ai-sdk/types.js'

/** What the model does in one call: parts, a promise that holds the rest back, or an error to fail the stream with. */
export type FakePart = AiSdkStreamPart | Promise<unknown> | Error

export interface FakeCall {
  options: AiSdkCallOptions
  /** Resolves when the reader has left, by its signal or by cancelling the stream. */
  closed: Promise<void>
}

/** A language model of the AI SDK that follows a script: one entry per call, an error to refuse it. */
export class FakeAiSdkModel implements AiSdkModel {
  readonly provider = 'fake.chat'
  readonly modelId: string = 'fake-1'
  readonly supportedUrls = {}
  readonly calls: FakeCall[] = []
  readonly #script: (FakePart[] | Error)[] = []
  #watchers: (() => void)[] = []

  constructor (readonly specificationVersion: string = 'v4') {}

  enqueue (...script: (FakePart[] | Error)[]): void {
    this.#script.push(...script)
  }

  /** Resolves when there have been `count` calls. */
  async called (count: number): Promise<void> {
    while (this.calls.length < count) await new Promise<void>(resolve => this.#watchers.push(resolve))
  }

  async doStream (options: AiSdkCallOptions): Promise<{ stream: ReadableStream<AiSdkStreamPart> }> {
    let leave = (): void => {}
    const closed = new Promise<void>(resolve => { leave = resolve })
    this.calls.push({ options, closed })
    for (const watcher of this.#watchers.splice(0)) watcher()
    options.abortSignal?.addEventListener('abort', leave)
    const script = this.#script.shift() ?? new Error('The fake model has no reply left.')
    if (script instanceof Error) throw script
    return { stream: new ReadableStream(new ScriptSource(script, options.abortSignal, closed, leave), { highWaterMark: 0 }) }
  }
}

class ScriptSource {
  readonly #script: FakePart[]
  readonly #signal: AbortSignal | undefined
  readonly #gone: Promise<void>
  readonly cancel: () => void

  constructor (script: FakePart[], signal: AbortSignal | undefined, gone: Promise<void>, leave: () => void) {
    this.#script = [...script]
    this.#signal = signal
    this.#gone = gone
    this.cancel = leave
  }

  async pull (controller: ReadableStreamDefaultController<AiSdkStreamPart>): Promise<void> {
    const next = this.#script.shift()
    if (next === undefined) return controller.close()
    if (next instanceof Error) return controller.error(next)
    if (next instanceof Promise) {
      await Promise.race([next, this.#gone])
      if (this.#signal?.aborted === true) return controller.error(this.#signal.reason)
      return await this.pull(controller)
    }
    controller.enqueue(next)
  }
}

/** The parts of a plain text answer, as specification `version` has them. */
export function textParts (tokens: string[], version: string, finish = 'stop'): AiSdkStreamPart[] {
  return [
    { type: 'stream-start' },
    { type: 'text-start' },
    ...tokens.map((delta): AiSdkStreamPart => ({ type: 'text-delta', id: '0', delta })),
    { type: 'text-end' },
    finishPart(version, finish)
  ]
}

/** Calls whose input is streamed first, as most vendors' models do. */
export function callParts (calls: { id: string, name: string, input: string }[], version: string): AiSdkStreamPart[] {
  return [
    ...calls.flatMap(({ id, name, input }): AiSdkStreamPart[] => [
      { type: 'tool-input-start', id, toolName: name },
      { type: 'tool-input-delta', id, delta: input.slice(0, 4) },
      { type: 'tool-input-delta', id, delta: input.slice(4) },
      { type: 'tool-input-end', id },
      { type: 'tool-call', toolCallId: id, toolName: name, input }
    ]),
    finishPart(version, 'tool-calls')
  ]
}

export function finishPart (version: string, finish: string): AiSdkStreamPart {
  if (version === 'v2') return { type: 'finish', finishReason: finish, usage: { inputTokens: 7, outputTokens: 3, reasoningTokens: 1, cachedInputTokens: 2 } }
  return { type: 'finish', finishReason: { unified: finish, raw: `raw-${finish}` }, usage: { inputTokens: { total: 7, cacheRead: 2 }, outputTokens: { total: 3, reasoning: 1 } } }
}

/** Looks like the SDK's `AI_APICallError`. */
export class FakeApiCallError extends Error {
  override name = 'AI_APICallError'
  readonly url = 'http://10.0.0.5:8000/v1/messages'
  readonly responseBody: string
  readonly isRetryable: boolean

  constructor (readonly statusCode: number, message: string, readonly responseHeaders: Record<string, string> = {}) {
    super(message)
    this.responseBody = JSON.stringify({ error: { message } })
    this.isRetryable = statusCode === 429 || statusCode >= 500
  }
}

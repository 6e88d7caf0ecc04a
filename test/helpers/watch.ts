import type { Test } from 'tap'
import { operationOf, type OperationId, type StreamEventName } from '../operations.js'
import { FrameParser, type Frame } from './events.js'
import { officialSchemas } from './official-schema.js'
import { StreamRules } from './stream-rules.js'

/**
 * Looks over the shoulder of one test: every answer and every stream event that passes through `fetch` is held
 * against the official specification and against what all answers have in common. What is wrong fails the test.
 */
export class Watch {
  readonly #seen = new Set<string>()
  readonly #announced = new Set<string>()
  readonly #problems: string[] = []

  constructor (t: Test) {
    t.teardown(() => {
      const missing = [...this.#announced].filter(id => !this.#seen.has(id)).map(id => `${id} was announced by covers() but never ran`)
      const problems = [...new Set([...this.#problems, ...missing])]
      if (problems.length > 0) throw new Error(`what came back is not as it should be:\n- ${problems.join('\n- ')}`)
    })
  }

  announce (ids: readonly string[]): void {
    for (const id of ids) this.#announced.add(id)
  }

  report (problem: string): void {
    this.#problems.push(problem)
  }

  /** `fetch` that checks what comes back from `baseURL`. */
  fetchFrom (baseURL: string): typeof fetch {
    return async (input, init) => {
      const url = input instanceof Request ? input.url : String(input)
      const method = (init?.method ?? 'GET').toUpperCase()
      const headers = new Headers(init?.headers)
      // Major 4 counts the bytes itself, which is none of a caller's business here.
      headers.delete('content-length')
      const response = await fetch(input, { ...init, headers, duplex: 'half' })
      if (!url.startsWith(baseURL) || method === 'OPTIONS' || method === 'HEAD' || response.status === 204) return response
      return await this.#checked(method, url.slice(baseURL.length).split('?')[0] ?? '', response, headers.has('last-event-id'))
    }
  }

  async #checked (method: string, path: string, response: Response, resumes: boolean): Promise<Response> {
    const operation = operationOf(method, path)
    const place = `${method} ${path}, ${response.status}`
    if (operation !== undefined && response.status === 200) this.#seen.add(operation.id)
    this.#checkHeaders(place, response.headers)
    const { status, statusText, headers } = response
    const type = headers.get('content-type')
    if (type === 'text/event-stream; charset=utf-8') {
      return new Response(response.body?.pipeThrough(this.#checkedStream(place, new StreamRules({ isJoined: method === 'GET', resumes }))), { status, statusText, headers })
    }
    if (operation?.id === 'downloadFile' && response.ok) return response
    if (type !== 'application/json; charset=utf-8') this.report(`${place}: the content type is ${type}`)
    const text = await response.text()
    this.#checkBody(place, method, operation?.path ?? path, status, text)
    return new Response(text, { status, statusText, headers })
  }

  #checkHeaders (place: string, headers: Headers): void {
    const expected = { 'x-request-id': /^req_[0-9a-f]{32}$/, 'openai-version': /^2020-10-01$/, 'openai-processing-ms': /^\d+$/ }
    for (const [name, pattern] of Object.entries(expected)) {
      if (!pattern.test(headers.get(name) ?? '')) this.report(`${place}: the header ${name} is ${headers.get(name)}`)
    }
  }

  #checkBody (place: string, method: string, path: string, status: number, text: string): void {
    let body: any
    try {
      body = JSON.parse(text)
    } catch {
      return this.report(`${place}: the body is no JSON: ${JSON.stringify(text.slice(0, 200))}`)
    }
    if (status >= 400) {
      const keys = Object.keys(body.error ?? {}).sort().join()
      if (keys !== 'code,message,param,type' || Object.keys(body).length !== 1) this.report(`${place}: not an error envelope: ${text}`)
    }
    const official = officialSchemas()
    const schema = official.forOperation(method, path.replace('*', ':rest'), status)
    if (schema === undefined) return
    for (const problem of official.validate(schema, body)) this.report(`${place}: not a valid ${schema}: ${problem}`)
  }

  #checkedStream (place: string, rules: StreamRules): TransformStream<Uint8Array, Uint8Array> {
    const parser = new FrameParser()
    const decoder = new TextDecoder()
    return new TransformStream({
      transform: (chunk, controller) => {
        controller.enqueue(chunk)
        try {
          for (const frame of parser.push(decoder.decode(chunk, { stream: true }))) this.#checkFrame(place, frame, rules)
        } catch (error) {
          this.report(`${place}: ${(error as Error).message}`)
        }
      },
      flush: () => {
        if (parser.rest !== '') this.report(`${place}: the stream ends within a frame: ${JSON.stringify(parser.rest.slice(0, 200))}`)
      }
    })
  }

  #checkFrame (place: string, frame: Frame, rules: StreamRules): void {
    this.#seen.add(frame.event)
    const official = officialSchemas()
    const schema = official.forStreamEvent(frame.event)
    const problems = schema === undefined ? [] : official.validate(schema, frame.data)
    for (const problem of [...problems, ...rules.check(frame)]) this.report(`${place}, ${frame.event}: ${problem}`)
  }
}

const watches = new WeakMap<Test, Watch>()

export function watchOf (t: Test): Watch {
  const watch = watches.get(t) ?? new Watch(t)
  watches.set(t, watch)
  return watch
}

/**
 * Says which operations and stream events this test is about. The test fails unless each was answered (with a 200)
 * or came in a stream; `test/coverage.test.ts` fails when one of them is never mentioned.
 */
export function covers (t: Test, ...ids: (OperationId | StreamEventName)[]): void {
  watchOf(t).announce(ids)
}

/** The clients of the measurements. */
import { Agent, request } from 'undici'

const agent = new Agent({ connections: 1100, bodyTimeout: 0, headersTimeout: 0 })
const headers = { 'content-type': 'application/json' }

/** Milliseconds of a clock that the processes of one machine share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6

/** The value below which a share of all lie: 0.5 for the median. */
export function quantile (values: number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? NaN
}

export async function call (method: 'GET' | 'POST' | 'DELETE', url: string, body?: object): Promise<any> {
  const answer = await request(url, { method, dispatcher: agent, ...body === undefined ? {} : { headers, body: JSON.stringify(body) } })
  const text = await answer.body.text()
  if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.statusCode} ${text}`)
  return JSON.parse(text)
}

/** Reads an answer to its end without parsing it. */
export async function get (url: string): Promise<void> {
  const answer = await request(url, { dispatcher: agent })
  if (answer.statusCode >= 300) throw new Error(`GET ${url}: ${answer.statusCode}`)
  await answer.body.dump({ limit: 2 ** 24 })
}

/** Posts and reads a stream to its end; `each` gets every piece. A stream without its end is an error. */
export async function stream (url: string, body: object, each?: (piece: Buffer) => void): Promise<void> {
  const answer = await request(url, { method: 'POST', dispatcher: agent, headers, body: JSON.stringify(body) })
  if (answer.statusCode >= 300) throw new Error(`${url}: ${answer.statusCode} ${await answer.body.text()}`)
  let tail = ''
  for await (const piece of answer.body as AsyncIterable<Buffer>) {
    each?.(piece)
    tail = (tail + piece.subarray(-64).toString('latin1')).slice(-64)
  }
  if (!tail.includes('[DONE]')) throw new Error(`the stream of ${url} ended with ${JSON.stringify(tail)}`)
}

/** Does `action` `count` times, `width` at once. Returns milliseconds for all. */
export async function many (count: number, width: number, action: (n: number) => Promise<unknown>): Promise<number> {
  const start = now()
  let next = 0
  await Promise.all(Array.from({ length: Math.min(width, count) }, async () => {
    while (next < count) await action(next++)
  }))
  return now() - start
}

/** Milliseconds of each of `count` calls, one after another. */
export async function each (count: number, action: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let n = 0; n < count; n++) {
    const start = now()
    await action()
    times.push(now() - start)
  }
  return times
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { Test } from 'tap'

export interface Relay {
  /** Ends in `/v1`. */
  baseURL: string
  /** `METHOD /path`, in the order in which they came. */
  requests: string[]
  /** The headers of the last request. */
  headers: () => IncomingMessage['headers']
}

/** Answers a request itself, and then returns true. */
export type Intercept = (request: IncomingMessage, response: ServerResponse, path: string) => boolean

/** A server in front of another one that answers some requests in its own way, as the servers of other vendors would. */
export async function startRelay (t: Test, target: string, intercept: Intercept = () => false): Promise<Relay> {
  const requests: string[] = []
  let headers: IncomingMessage['headers'] = {}
  const server = createServer((request, response) => {
    const path = (request.url ?? '').replace(/^\/v1/, '')
    headers = request.headers
    requests.push(`${request.method} ${path.split('?')[0]}`)
    if (intercept(request, response, path)) return
    fetch(target + path, { headers: { authorization: headers.authorization ?? '' } }).then(async answer => {
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
      Readable.fromWeb(answer.body as never).pipe(response)
    }, () => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  return { baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, requests, headers: () => headers }
}

/** An answer in JSON. */
export function answer (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): true {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  return true
}

export const refuse = (response: ServerResponse, status: number, message: string, headers?: Record<string, string>): true =>
  answer(response, status, { error: { message, type: 'invalid_request_error', param: null, code: null } }, headers)

import type { IncomingHttpHeaders } from 'node:http'

/** A request as the upstream received it. */
export interface UpstreamRequest {
  method: string
  /** Without the query: `/v1/chat/completions`. */
  path: string
  headers: IncomingHttpHeaders
  /** Parsed JSON, `{}` when there was none. */
  body: any
  /** The body as it came. */
  text: string
  /** The client's port: equal on two requests when the connection was kept alive. */
  remotePort: number | undefined
  /** Resolves when the client closed before the reply was complete. */
  aborted: Promise<void>
  wasAborted: boolean
  /** Resolves when the whole reply was handed to the socket. */
  completed: Promise<void>
  /** Ends a `hang`: the reply goes on from there (before headers: an empty 503). */
  release (): void
  released: Promise<void>
  /** Steps and bytes of the stream sent so far, for tests of back-pressure. */
  tokensSent: number
  bytesSent: number
}

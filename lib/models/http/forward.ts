import type { IncomingHttpHeaders } from 'node:http'
import type { ForwardAnswer } from '../provider.js'
import type { Answer, HttpClient, Timeouts } from './client.js'
import { connectionFailure } from './failure.js'

/** The vendor's headers that are passed on with the bytes: content type and rate limits. */
const KEPT_HEADERS = /^(?:content-(?:type|encoding)|x-ratelimit-.+)$/

/** An answer to be passed on as it is. Throws `UpstreamError` for one that no API gives. */
export function forwarded (answer: Answer, client: HttpClient, timeouts: Timeouts, signal: AbortSignal): ForwardAnswer {
  const { status, headers } = answer.exchange
  if (/\bhtml\b/i.test(headers['content-type'] ?? '')) {
    answer.close()
    throw client.misunderstood('answered with a web page: is its base URL right?')
  }
  return { status, headers: keptHeaders(headers), body: bytes(answer, client, timeouts, signal) }
}

function keptHeaders (headers: IncomingHttpHeaders): Record<string, string> {
  const kept = Object.entries(headers).filter(([name, value]) => KEPT_HEADERS.test(name) && value !== undefined)
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]))
}

/** The body as it comes. The limits hold only while we wait for the vendor, not while the reader takes its time. */
async function * bytes ({ exchange, deadline, close }: Answer, client: HttpClient, { idleMs }: Timeouts, signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    for (let chunk = await exchange.read(); chunk !== undefined; chunk = await exchange.read()) {
      deadline.clear()
      yield chunk
      if (!exchange.readable) deadline.set(idleMs, () => exchange.abort(client.timedOut(`sent nothing more for ${idleMs} ms.`)))
    }
  } catch (thrown) {
    signal.throwIfAborted()
    throw connectionFailure(thrown, client.context)
  } finally {
    close()
  }
}

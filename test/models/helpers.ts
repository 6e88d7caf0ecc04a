import type { Test } from 'tap'
import { openaiCompatible, type OpenAICompatibleOptions } from '../../lib/models/openai-compatible.js'
import type { ModelRequest } from '../../lib/models/provider.js'
import { ManualClock } from '../helpers/clock.js'
import { startUpstream, type Upstream } from '../helpers/upstream.js'

export const request: ModelRequest = { model: 'test-model', messages: [{ role: 'user', content: 'Hi there' }] }

export const signal = new AbortController().signal

/** An upstream and a provider in front of it, on a clock that stands still. Time-outs are off unless given. */
export async function start (t: Test, options: Partial<OpenAICompatibleOptions> = {}): Promise<{ upstream: Upstream, clock: ManualClock, provider: ReturnType<typeof openaiCompatible> }> {
  const upstream = await startUpstream(t)
  const clock = new ManualClock()
  const timeouts = { connectMs: 0, firstTokenMs: 0, idleMs: 0, ...options.timeouts }
  const provider = openaiCompatible({ baseURL: upstream.url, name: 'acme', clock, ...options, timeouts })
  t.teardown(() => provider.close())
  return { upstream, clock, provider }
}

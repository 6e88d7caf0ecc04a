import t, { type Test } from 'tap'
import { modelProviderSuite, type ProviderFixture, type ScriptedAnswer } from '../../lib/conformance/model-provider.js'
import { openaiCompatible } from '../../lib/models/openai-compatible.js'
import type { ModelRequest } from '../../lib/models/provider.js'
import { drop, error, hang, startUpstream, text, toolCalls, type UpstreamReply } from '../helpers/upstream.js'

t.test('openaiCompatible keeps the contract of a model provider', async ({ test }) => modelProviderSuite({ test, factory: fixtureFor }))

async function fixtureFor (t: Test): Promise<ProviderFixture> {
  const upstream = await startUpstream(t)
  const provider = openaiCompatible({ baseURL: upstream.url, maxRetries: 0 })
  t.teardown(() => provider.close())
  const request: ModelRequest = { model: 'test-model', messages: [{ role: 'user', content: 'Hi there' }] }
  return {
    provider,
    listed: 'test-model',
    script: (answer: ScriptedAnswer) => {
      upstream.enqueue(replyFor(answer))
      return request
    },
    received: () => JSON.stringify(upstream.chats.at(-1)?.body),
    calls: () => upstream.chats.length,
    reached: async () => { await upstream.next() },
    closed: async () => await upstream.chats.at(-1)!.aborted
  }
}

function replyFor (answer: ScriptedAnswer): UpstreamReply {
  switch (answer.kind) {
    case 'text': return text(answer.tokens, { finish: answer.finish ?? 'stop' })
    case 'calls': return toolCalls(answer.calls, { interleaved: true, textBefore: answer.textBefore ?? '' })
    case 'hang': return answer.tokens.length === 0 ? hang() : hang(text(answer.tokens), answer.tokens.length)
    case 'cut': return drop(text(answer.tokens), answer.tokens.length)
    case 'error': return error({ rate_limit: 429, prompt: 400, server: 500 }[answer.error], answer.message)
  }
}

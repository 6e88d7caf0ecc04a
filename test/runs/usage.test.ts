import { test, type Test } from 'tap'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { text, toolCalls, type UpstreamReply } from '../helpers/upstream.js'
import { clientTool, outputsFor, pathOf, startGatedServer } from './helpers/server.js'

async function finished (t: Test, script: UpstreamReply[], fields: object = {}): Promise<{ run: any, steps: any[] }> {
  const server = await startGatedServer(t, { script })
  let run = await server.rest(await server.run(fields))
  while (run.status === 'requires_action') {
    t.equal(run.usage, null, 'no usage while it waits')
    await server.post(`${pathOf(run)}/submit_tool_outputs`, { tool_outputs: outputsFor(run) })
    run = await server.rest(run)
  }
  return { run, steps: (await server.get(`${pathOf(run)}/steps?order=asc`)).body.data }
}

test('the vendor\'s own count is the step\'s usage, and the run\'s is the sum of its steps', async t => {
  const { run, steps } = await finished(t, [
    toolCalls([{ name: 'ask', arguments: {} }], { usage: { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120, prompt_tokens_details: { cached_tokens: 64 }, completion_tokens_details: { reasoning_tokens: 7 } } }),
    text('Noon', { usage: { prompt_tokens: 130, completion_tokens: 2, total_tokens: 132, prompt_tokens_details: { cached_tokens: 96 } } })
  ], { tools: [clientTool('ask')] })
  const usage = (prompt: number, completion: number, cached: number, reasoning: number) => ({
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_token_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning }
  })
  t.strictSame(steps.map(step => step.usage), [usage(100, 20, 64, 7), usage(130, 2, 96, 0)])
  t.strictSame(run.usage, usage(230, 22, 160, 7))
})

test('a vendor that reports no usage has it counted', async t => {
  const answer = 'The quick brown fox jumps over the lazy dog.'
  const { run, steps } = await finished(t, [text(answer, { usage: false })])
  const words = countTokens(answer)
  const prompt = countTokens('Be brief.') + countTokens('Hello?')
  t.ok(run.usage.completion_tokens >= words && run.usage.completion_tokens <= words + 8, `${run.usage.completion_tokens} for ${words} tokens`)
  t.ok(run.usage.prompt_tokens >= prompt && run.usage.prompt_tokens <= prompt + 16, `${run.usage.prompt_tokens} for ${prompt} tokens`)
  t.equal(run.usage.total_tokens, run.usage.prompt_tokens + run.usage.completion_tokens)
  t.strictSame(steps.map(step => step.usage), [run.usage])
})

test('a counted answer includes its tool calls and the text before them', async t => {
  const thought = 'Let me look at the clock on the wall, which is usually right.'
  const json = JSON.stringify({ question: 'What time is it in the town hall of Lower Saxony?' })
  const { steps } = await finished(t, [toolCalls([{ name: 'ask', arguments: json }], { textBefore: thought, usage: false }), text('Noon', { usage: false })], { tools: [clientTool('ask')] })
  const counted = steps.slice(0, 2).reduce((sum, step) => sum + step.usage.completion_tokens, 0)
  const said = countTokens(thought) + countTokens(json)
  t.ok(counted >= said && counted <= said + 16, `${counted} for ${said} tokens`)
})

test('counted tokens count against the limits of the run', async t => {
  const server = await startGatedServer(t, { tools: [{ name: 'add', parameters: { type: 'object' }, execute: () => 3 }] })
  server.upstream.enqueue(toolCalls([{ name: 'add', arguments: { text: 'word '.repeat(40) } }], { usage: false }), text('Three', { usage: false }))
  await server.rest(await server.run({ max_completion_tokens: 100 }))
  const [first, second] = server.upstream.chats.map(({ body }) => body.max_tokens)
  t.equal(first, 100)
  t.ok(second >= 40 && second <= 60, `${second} are left after some fifty`)
})

test('the words of a refusal are counted as well', async t => {
  const { run } = await finished(t, [{ kind: 'stream', finish: 'stop', usage: false, steps: [{ delta: { refusal: 'I am afraid that I cannot do that.' } }] }])
  t.ok(run.usage.completion_tokens >= 9)
})

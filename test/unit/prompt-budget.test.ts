import { test } from 'tap'
import { NO_USAGE } from '../../lib/runs/job.js'
import { countTexts } from '../../lib/models/token-counts.js'
import { countable, countableTools } from '../../lib/models/tokens.js'
import type { ModelMessage, ModelTool } from '../../lib/models/provider.js'
import { estimateUsage, fitPrompt, remaining, type PromptParts } from '../../lib/runs/prompt/budget.js'

const words = (name: string, number: number): string => `${name}${' word'.repeat(number)}`
const user = (name: string, number = 50): ModelMessage => ({ role: 'user', content: words(name, number) })
const said = (name: string, number = 50): ModelMessage => ({ role: 'assistant', content: words(name, number) })
/** A message of the assistant with a call for each output. */
const calls = (name: string, outputs: string[], { content = null as string | null, argument = 'x' } = {}): ModelMessage[] => [
  { role: 'assistant', content, toolCalls: outputs.map((_, i) => ({ id: `${name}_${i}`, name: 'look', arguments: JSON.stringify({ argument }) })) },
  ...outputs.map((output, i): ModelMessage => ({ role: 'tool', toolCallId: `${name}_${i}`, content: output }))
]
const shortened = (messages: ModelMessage[]): ModelMessage[] => messages.map(message => message.role === 'tool' && message.content.length > 500
  ? { ...message, content: `${message.content.slice(0, 500)} [shortened]` }
  : message)

const system: ModelMessage[] = [{ role: 'system', content: words('instructions', 20) }]
const own: ModelMessage[] = calls('own', ['mine'])
const tools: ModelTool[] = [{ name: 'look', description: words('looks', 10), parameters: { type: 'object', properties: {} } }]

async function cost (messages: readonly ModelMessage[], offered: readonly ModelTool[] = []): Promise<number> {
  const countables = [countableTools(offered), ...messages.map(countable)]
  const counts = await countTexts(countables.flatMap(({ texts }) => texts), { project: 'p' })
  return [...counts, ...countables.map(({ fixed }) => fixed)].reduce((sum, tokens) => sum + tokens, 0)
}

/** Fits `history` into a budget that holds just `room` of it beside the instructions, the tools and the run's own messages. */
async function fit (history: ModelMessage[], room: number, { truncates = true, isLimited = true } = {}): Promise<ModelMessage[] | undefined> {
  const parts: PromptParts = { system, history, own }
  const prompt = await cost([...system, ...own], tools) + room
  const sent = await fitPrompt(parts, tools, { prompt, promptIsLimited: isLimited, completion: undefined }, truncates, 'p')
  if (sent === undefined) return undefined
  return sent.slice(system.length, sent.length - own.length)
}

/** Whether a token less has the given outcome, and the exact room the other one. */
const exactly = async (history: ModelMessage[], room: number, options: { truncates?: boolean, isLimited?: boolean } = {}) => ({
  exact: await fit(history, room, options), less: await fit(history, room - 1, options)
})

test('a history that fits to the token is sent as it is, between the instructions and what the run has done', async t => {
  const history = [user('one'), ...calls('a', [words('long', 400), 'short'], { content: 'Let me look.' }), said('two'), user('three')]
  const prompt = await cost([...system, ...history, ...own], tools)
  for (const truncates of [true, false]) {
    const sent = await fitPrompt({ system, history, own }, tools, { prompt, promptIsLimited: true, completion: undefined }, truncates, 'p')
    t.strictSame(sent, [...system, ...history, ...own])
  }
  t.strictSame(await fitPrompt({ system, history: [], own }, tools, { prompt: Infinity, promptIsLimited: false, completion: undefined }, true, 'p'), [...system, ...own])
})

test('long outputs of tools are shortened before anything is left out, the oldest first', async t => {
  for (const truncates of [true, false]) {
    const [a, b] = [calls('a', [words('old', 400), 'short']), calls('b', [words('new', 400)])]
    const history = [user('one'), ...a, user('two'), ...b, user('three')]
    const oneShort = [user('one'), ...shortened(a), user('two'), ...b, user('three')]
    const bothShort = [user('one'), ...shortened(a), user('two'), ...shortened(b), user('three')]
    t.strictSame(await fit(history, await cost(history) - 1, { truncates }), oneShort)
    const { exact, less } = await exactly(history, await cost(oneShort), { truncates })
    t.strictSame(exact, oneShort)
    t.strictSame(less, bothShort)
    t.strictSame(await fit(history, await cost(bothShort), { truncates }), bothShort)
  }
})

test('an output of 500 characters stays whole, and of a longer one no half of a character is left', async t => {
  const outputs = ['x'.repeat(500), 'x'.repeat(501), `${'x'.repeat(499)}😀`, `${'x'.repeat(498)}😀${'y'.repeat(2000)}`]
  const history = [user('one'), ...calls('a', outputs), user('two')]
  const sent = await fit(history, await cost(history) - 1)
  t.strictSame(sent?.flatMap(message => message.role === 'tool' ? [message.content] : []), [
    'x'.repeat(500), `${'x'.repeat(500)} [shortened]`, `${'x'.repeat(499)} [shortened]`, `${'x'.repeat(498)}😀 [shortened]`
  ])
})

test('truncation leaves out the oldest messages, and calls only with their outputs', async t => {
  const a = calls('a', ['first', 'second'], { content: words('beside', 30) })
  const history = [user('one'), ...a, said('two'), user('three')]
  const { exact, less } = await exactly(history, await cost(history.slice(1)))
  t.strictSame(exact, history.slice(1))
  t.strictSame(less, history.slice(4))
  t.strictSame(await fit(history, await cost(history.slice(4))), history.slice(4))
  t.strictSame(await fit(history, await cost(history.slice(5))), history.slice(5))
  t.strictSame(await fit([user('long', 500), user('tiny', 1), user('newest')], await cost([user('newest')]) + await cost([user('tiny', 1)])), [user('tiny', 1), user('newest')], 'without gaps')
  t.strictSame(await fit([user('tiny', 1), user('long', 500), user('newest')], await cost([user('newest')]) + await cost([user('tiny', 1)])), [user('newest')], 'without gaps')
})

test('truncation never leaves out the newest message, but its calls', async t => {
  t.strictSame(await fit([user('one'), user('two')], await cost([user('two')]) - 1), undefined)
  t.strictSame(await fit([user('one'), user('two')], await cost([user('two')]) - 1, { isLimited: false }), [user('two')])
  const newest = calls('a', ['output'], { content: words('beside', 30), argument: words('long', 300) })
  const beside: ModelMessage = { role: 'assistant', content: words('beside', 30) }
  const { exact, less } = await exactly([user('one', 1), ...newest], await cost([beside]))
  t.strictSame(exact, [beside])
  t.strictSame(less, undefined)
  t.strictSame(await fit([user('one'), ...newest], await cost(newest)), newest)
  t.strictSame(await fit([user('one', 1), ...calls('a', ['output'], { argument: words('long', 300) })], 0), [], 'calls without text leave nothing')
})

test('of messages that the run has chosen none is left out, only calls, the oldest first', async t => {
  const a = calls('a', [words('output', 60)], { content: words('beside', 30) })
  const b = calls('b', [words('output', 60)])
  const history = [user('one'), ...a, user('two'), ...b, user('three')]
  const withoutA = [user('one'), { role: 'assistant', content: words('beside', 30) }, user('two'), ...b, user('three')]
  const withoutBoth = [user('one'), { role: 'assistant', content: words('beside', 30) }, user('two'), user('three')]
  const options = { truncates: false }
  t.strictSame(await fit(history, await cost(history) - 1, options), withoutA)
  const one = await exactly(history, await cost(withoutA as ModelMessage[]), options)
  t.strictSame(one.exact, withoutA)
  t.strictSame(one.less, withoutBoth)
  const both = await exactly(history, await cost(withoutBoth as ModelMessage[]), options)
  t.strictSame(both.exact, withoutBoth)
  t.strictSame(both.less, undefined)
  t.strictSame(await fit(history, 0, { truncates: false, isLimited: false }), withoutBoth)
})

test('older calls are left out where newer ones have taken the room, though they are smaller', async t => {
  const small = calls('a', ['small'])
  const large = calls('b', [words('large', 80)])
  const history = [user('one'), ...small, ...large, user('two')]
  t.strictSame(await fit(history, await cost([user('one'), ...large, user('two')]), { truncates: false }), [user('one'), ...large, user('two')])
  t.strictSame(await fit(history, await cost([user('one'), ...large, user('two')]) - 1, { truncates: false }), [user('one'), user('two')])
})

test('a message behind calls many times as long as the budget counts like any other', async t => {
  const huge = Array.from({ length: 12 }, (_, i) => calls(`call_${i}`, ['output'], { argument: words('huge', 3000) })).flat()
  const far = [user('far', 200), ...huge, user('newest', 1)]
  const room = await cost([user('newest', 1)]) + 20
  t.strictSame(await fit(far, room, { truncates: false }), undefined)
  t.strictSame(await fit(far, room, { truncates: false, isLimited: false }), [user('far', 200), user('newest', 1)])
  t.strictSame(await fit(far, room), [user('newest', 1)])
  t.strictSame(await fit(far, await cost([user('far', 200), user('newest', 1)]), { truncates: false }), [user('far', 200), user('newest', 1)])
})

test('instructions and messages of the run alone that exceed a limit end it, and without one are sent with what is never left out', async t => {
  t.strictSame(await fit([], -1), undefined)
  t.strictSame(await fit([], 0), [])
  t.strictSame(await fit([user('one'), user('two')], -1), undefined)
  t.strictSame(await fit([user('one'), user('two')], -1, { isLimited: false }), [user('two')])
  t.strictSame(await fit([user('one'), ...calls('a', ['output'])], -1, { isLimited: false, truncates: false }), [user('one')])
})

test('outputs without their call at the beginning are sent', async t => {
  const history: ModelMessage[] = [{ role: 'tool', toolCallId: 'a', content: 'lost' }, user('one')]
  t.strictSame(await fit(history, await cost(history)), history)
})

test('what a run may still use is what its limits leave, within what the server allows', t => {
  const used = { ...NO_USAGE, promptTokens: 30, completionTokens: 7 }
  const limits = { promptTokens: 100, completionTokens: 50, lastMessages: null, truncates: true }
  t.strictSame(remaining(limits, used, 1000), { prompt: 70, promptIsLimited: true, completion: 43 })
  t.strictSame(remaining(limits, used, 60), { prompt: 60, promptIsLimited: true, completion: 43 })
  t.strictSame(remaining({ ...limits, promptTokens: null, completionTokens: null }, used, 60), { prompt: 60, promptIsLimited: false, completion: undefined })
  t.end()
})

test('outputs at the beginning of a history, whose calls it does not have, are left out together', async t => {
  const history: ModelMessage[] = [{ role: 'tool', toolCallId: 'a', content: words('output', 60) }, { role: 'tool', toolCallId: 'b', content: 'short' }, user('one')]
  t.strictSame(await fit(history, await cost(history), { truncates: false }), history)
  t.strictSame(await fit(history, await cost(history) - 1, { truncates: false }), [user('one')])
})

test('an output that is longer when it is shortened is sent as it is', async t => {
  const newest = user('newest')
  const lengthened = calls('a', ['x'.repeat(501)])
  const whole = await cost(lengthened)
  t.ok(await cost(shortened(lengthened)) > whole)
  t.strictSame(await fit([user('long', 500), ...lengthened, newest], whole + await cost([newest])), [...lengthened, newest])
})

test('the usage of a call that reports none is counted to the token', async t => {
  const prompt = [...system, user('one'), ...own]
  const completion = said('answer')
  t.strictSame(await estimateUsage(prompt, tools, completion, 'p'), { promptTokens: await cost(prompt, tools), completionTokens: await cost([completion]) })
})

test('of usage above 200,000 tokens the rest is estimated by bytes', async t => {
  const estimated = async (...texts: string[]): Promise<number> => {
    const messages = texts.map((content): ModelMessage => ({ role: 'user', content }))
    const { promptTokens } = await estimateUsage(messages, [], said(''), 'p')
    return promptTokens - messages.reduce((sum, message) => sum + countable(message).fixed, countableTools([]).fixed)
  }
  const many = (count: number): string => `word${' word'.repeat(count - 1)}`
  t.equal(await estimated(many(200_000)), 200_000)
  t.equal(await estimated(many(200_001)), Math.ceil(Buffer.byteLength(many(200_001)) / 4))
  const dense = 'x y z '.repeat(70_000)
  const [counted] = await countTexts([dense], { project: 'p', atMost: 200_000 })
  t.ok(counted! > Buffer.byteLength(dense) / 4)
  t.equal(await estimated(dense, 'short'), counted)
})

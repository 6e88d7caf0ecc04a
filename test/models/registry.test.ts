import t from 'tap'
import { failure } from '../../lib/conformance/model-parts.js'
import { ModelError, type ModelInfo, type ModelProvider } from '../../lib/models/provider.js'
import { ModelRegistry, type ModelRegistryOptions } from '../../lib/models/registry.js'
import { systemClock } from '../../lib/shared/clock.js'
import { silentLogger } from '../../lib/shared/log.js'
import { ManualClock } from '../helpers/clock.js'

/** A provider that only lists. */
function lists (...ids: string[]): ModelProvider & { asked: number, fails?: Error, waits?: boolean, closed: number } {
  return {
    asked: 0,
    closed: 0,
    async * stream () {},
    async models ({ signal }): Promise<ModelInfo[]> {
      this.asked++
      if (this.fails !== undefined) throw this.fails
      if (this.waits === true) await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      return ids.map(id => ({ id, created: 5, ownedBy: 'someone' }))
    },
    async close () { this.closed++ }
  }
}

const openai = lists('gpt-4o', 'gpt-4o-mini')
const ollama = lists('llama3', 'qwen/qwen3')
const openrouter = lists('openai/gpt-4o')

function registry (options: Partial<ModelRegistryOptions> = {}): ModelRegistry {
  return new ModelRegistry({ providers: { openai, ollama, openrouter }, clock: systemClock, log: silentLogger, ...options })
}

const resolved = (names: ModelRegistry, name?: string | null): string => {
  const { provider, providerName, model } = names.resolve(name)
  t.equal(provider, { openai, ollama, openrouter }[providerName])
  return `${providerName}: ${model}`
}

t.test('a prefix counts only when it is a provider', async t => {
  const names = registry()
  t.equal(resolved(names, 'gpt-4o'), 'openai: gpt-4o')
  t.equal(resolved(names, 'ollama/llama3'), 'ollama: llama3')
  t.equal(resolved(names, 'ollama/qwen/qwen3'), 'ollama: qwen/qwen3')
  t.equal(resolved(names, 'qwen/qwen3'), 'openai: qwen/qwen3')
  t.equal(resolved(names, 'openrouter/openai/gpt-4o'), 'openrouter: openai/gpt-4o')
  t.equal(resolved(names, 'ollama/'), 'openai: ollama/')
  t.equal(resolved(names, '/x'), 'openai: /x')
  t.equal(resolved(names, '__proto__/x'), 'openai: __proto__/x')
  t.equal(resolved(registry({ defaultProvider: 'ollama' }), 'unheard-of'), 'ollama: unheard-of')
})

t.test('a missing name is the default model, which may be an alias', async t => {
  for (const name of [undefined, null, '']) {
    t.equal(resolved(registry({ defaultModel: 'ollama/llama3' }), name), 'ollama: llama3')
    t.equal(resolved(registry({ defaultModel: 'house', aliases: { house: 'ollama/llama3' } }), name), 'ollama: llama3')
    const thrown = await failure((async () => registry().resolve(name))())
    t.type(thrown, ModelError)
  }
})

t.test('an exact alias beats a pattern, and the longest beginning wins among patterns', async t => {
  const names = registry({
    aliases: {
      '*': 'ollama/anything',
      'gpt-*': 'ollama/any-gpt',
      'gpt-4-1106-preview': 'gpt-4o',
      'gpt-4*': 'ollama/gpt4-*',
      '*-mini': 'ollama/small',
      'gpt-*-mini': 'ollama/small-*'
    }
  })
  t.equal(resolved(names, 'gpt-4-1106-preview'), 'openai: gpt-4o')
  t.equal(resolved(names, 'gpt-4-turbo'), 'ollama: gpt4--turbo')
  t.equal(resolved(names, 'gpt-4'), 'ollama: gpt4-')
  t.equal(resolved(names, 'gpt-3.5-turbo'), 'ollama: any-gpt')
  t.equal(resolved(names, 'gpt-3.5-mini'), 'ollama: small-3.5')
  t.equal(resolved(names, 'o3-mini'), 'ollama: small')
  t.equal(resolved(names, 'claude'), 'ollama: anything')
})

t.test('stars match any text, also none, and carry it over in their order', async t => {
  const names = registry({ aliases: { 'a*b*c': 'ollama/*-*', 'ft:*:acme:*': '*/*', 'x**y': '*|*' } })
  t.equal(resolved(names, 'a1b2c'), 'ollama: 1-2')
  t.equal(resolved(names, 'abc'), 'ollama: -')
  t.equal(resolved(names, 'abbcc'), 'ollama: -bc')
  t.equal(resolved(names, 'acb'), 'openai: acb')
  t.equal(resolved(names, 'ac'), 'openai: ac')
  t.equal(resolved(names, 'ft:ollama:acme:7'), 'ollama: 7')
  t.equal(resolved(names, 'x12y'), 'openai: |12')
  t.equal(resolved(names, 'x.y'), 'openai: |.')
})

t.test('a target may be an exact alias, but nothing goes round in circles', async t => {
  const names = registry({ aliases: { a: 'b', b: 'c', c: 'ollama/llama3', x: 'y', y: 'x', self: 'self', '*': 'ollama/*', 'old-*': 'a' } })
  t.equal(resolved(names, 'a'), 'ollama: llama3')
  t.equal(resolved(names, 'old-1'), 'ollama: llama3')
  t.equal(resolved(names, 'x'), 'openai: y')
  t.equal(resolved(names, 'y'), 'openai: x')
  t.equal(resolved(names, 'self'), 'openai: self')
  t.equal(resolved(names, 'other'), 'ollama: other')
})

t.test('a hostile name costs no more than its length', async t => {
  const pattern = 'a*'.repeat(20) + 'b'
  const names = registry({ aliases: { [pattern]: 'x' } })
  t.equal(names.resolve('a'.repeat(100_000)).model.length, 100_000)
})

t.test('options that cannot work are refused by name', async t => {
  const cases: [Partial<ModelRegistryOptions>, RegExp][] = [
    [{ providers: {} }, /providers/],
    [{ defaultProvider: 'nobody' }, /defaultProvider "nobody"/],
    [{ providers: { 'a/b': openai } }, /"a\/b"/],
    [{ aliases: { '': 'x' } }, /Alias ""/],
    [{ aliases: { x: '' } }, /Alias "x"/],
    [{ aliases: { 'gpt-4': 'ollama/*' } }, /Alias "gpt-4" has fewer stars/]
  ]
  for (const [options, message] of cases) t.throws(() => registry(options), { name: 'TypeError', message })
})

t.test('the list holds plain, prefixed and alias names, each of which resolves to itself', async t => {
  const names = registry({ aliases: { 'gpt-4': 'gpt-4o', 'gpt-5': 'ollama/unheard-of', 'claude-*': 'ollama/llama3' } })
  const listed = await names.list()
  t.strictSame(listed.map(model => model.id), ['gpt-4o', 'gpt-4o-mini', 'ollama/llama3', 'ollama/qwen/qwen3', 'openrouter/openai/gpt-4o', 'gpt-4', 'gpt-5'])
  t.strictSame(listed[0], { id: 'gpt-4o', object: 'model', created: 5, owned_by: 'someone' })
  t.strictSame(listed.at(-2), { id: 'gpt-4', object: 'model', created: 5, owned_by: 'someone' })
  t.strictSame(listed.at(-1), { id: 'gpt-5', object: 'model', created: 0, owned_by: 'ollama' })
  for (const { id } of listed) t.equal((await names.get(id))?.id, id)
})

t.test('a name of the default provider that looks like another\'s is listed with its prefix', async t => {
  const names = registry({ defaultProvider: 'openrouter' })
  t.ok((await names.list()).some(model => model.id === 'openrouter/openai/gpt-4o'))
  t.equal(resolved(names, 'openrouter/openai/gpt-4o'), 'openrouter: openai/gpt-4o')
})

t.test('any name that works can be got, others cannot', async t => {
  const names = registry({ aliases: { 'claude-*': 'ollama/llama3' } })
  t.match(await names.get('openai/gpt-4o'), { id: 'openai/gpt-4o', owned_by: 'someone' })
  t.match(await names.get('claude-3'), { id: 'claude-3' })
  t.equal(await names.get('unheard-of'), undefined)
  t.equal(await names.get('ollama/unheard-of'), undefined)
  t.equal(await names.get(''), undefined)
})

t.test('lists are asked for once in a while, and once at a time', async t => {
  const clock = new ManualClock()
  const provider = lists('a')
  const names = registry({ providers: { p: provider }, clock, listCacheMs: 1000 })
  await Promise.all([names.list(), names.list(), names.get('a')])
  t.equal(provider.asked, 1)
  await clock.advance(999)
  await names.list()
  t.equal(provider.asked, 1)
  await clock.advance(1)
  await names.list()
  t.equal(provider.asked, 2)
})

t.test('a provider that is down or silent leaves the others in the list, and its own last list', async t => {
  const clock = new ManualClock()
  const warned: string[] = []
  const log = { debug () {}, info () {}, error () {}, warn (_details: object, message: string) { warned.push(message) } }
  const up = lists('a')
  const down = lists('b')
  const silent = lists('c')
  down.fails = new ModelError('server_error', 'refused')
  silent.waits = true
  const names = registry({ providers: { up, down, silent }, clock, log, listCacheMs: 1000, listTimeoutMs: 50 })
  const first = names.list()
  await clock.armed(ms => ms === 50)
  await clock.advance(50)
  t.strictSame((await first).map(model => model.id), ['a'])
  t.equal(warned.length, 2)
  delete down.fails
  delete silent.waits
  await clock.advance(1000)
  t.strictSame((await names.list()).map(model => model.id), ['a', 'down/b', 'silent/c'])
  down.fails = new Error('gone again')
  await clock.advance(1000)
  t.strictSame((await names.list()).map(model => model.id), ['a', 'down/b', 'silent/c'])
})

t.test('a provider that ignores its signal does not hold the list up', async t => {
  const clock = new ManualClock()
  const deaf = lists('a')
  deaf.models = async () => await new Promise(() => {})
  const names = registry({ providers: { deaf, up: lists('b') }, clock, listTimeoutMs: 50 })
  const list = names.list()
  await clock.armed(ms => ms === 50)
  await clock.advance(50)
  t.strictSame((await list).map(model => model.id), ['up/b'])
})

t.test('closing closes each provider once, whatever the others do', async t => {
  const one = lists()
  const two = lists()
  two.close = async () => { throw new Error('stuck') }
  const three = lists()
  await registry({ providers: { one, again: one, two, three } }).close()
  t.strictSame([one.closed, three.closed], [1, 1])
})

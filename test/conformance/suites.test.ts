import { Readable } from 'node:stream'
import { test } from 'tap'
import {
  blobStoreSuite, modelProviderSuite, recordStoreSuite, threadStorageSuite, withAssertions, type DefineTest, type ProviderFixture
} from '../../lib/conformance/index.js'
import { InMemoryThreadStorage, MemoryBlobStore, ModelError, type BlobKey, type ModelPart, type ModelProvider, type ModelRequest, type PageQuery } from '../../lib/index.js'
import { MemoryRecordStore } from '../../storage/memory/store.js'
import type { MemoryBlobs } from '../../storage/memory/blobs.js'

/** Runs a suite, or those of its tests, with a runner that knows nothing but names and bodies; the names of the tests, and of those that failed. */
async function outcomeOf (suite: (define: DefineTest) => void, only?: string): Promise<{ all: string[], failed: string[] }> {
  const defined: { name: string, body: () => Promise<void> }[] = []
  suite(withAssertions((name, body) => defined.push({ name, body })))
  const failed: string[] = []
  for (const { name, body } of defined) {
    if (only === undefined || name === only) await body().catch(() => failed.push(name))
  }
  return { all: defined.map(({ name }) => name), failed }
}

const records = (store: () => MemoryRecordStore) => (define: DefineTest) => recordStoreSuite({ test: define, factory: async () => store })

const blobs = (open: (blobs: MemoryBlobs) => MemoryBlobStore) => (define: DefineTest) => blobStoreSuite({
  test: define,
  factory: async () => {
    const place: MemoryBlobs = new Map()
    return { open: () => open(place), count: async () => place.size }
  }
})

/** A model in the suite's own terms: what it is asked to answer it answers. */
class ScriptedModel implements ProviderFixture {
  readonly listed: string | undefined = 'm'
  #asked: ModelRequest | undefined
  #calls = 0
  #left = false
  #answer: Parameters<ProviderFixture['script']>[0] = { kind: 'text', tokens: [] }
  readonly #onCall: (() => void)[] = []
  readonly #onLeave: (() => void)[] = []

  script (answer: Parameters<ProviderFixture['script']>[0]): ModelRequest {
    this.#answer = answer
    return { model: 'm', messages: [{ role: 'user', content: 'Hi' }] }
  }

  received (): string { return JSON.stringify(this.#asked?.messages) }
  calls (): number { return this.#calls }
  async reached (): Promise<void> { if (this.#calls === 0) await new Promise<void>(resolve => this.#onCall.push(resolve)) }
  async closed (): Promise<void> { if (!this.#left) await new Promise<void>(resolve => this.#onLeave.push(resolve)) }

  provider: ModelProvider = {
    stream: (request, { signal }) => this.#stream(request, signal),
    models: async () => [{ id: 'm', created: 0, ownedBy: 'me' }]
  }

  async * #stream (request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelPart> {
    signal.throwIfAborted()
    this.#asked = request
    this.#calls++
    for (const told of this.#onCall) told()
    try {
      yield * this.#parts(this.#answer, signal)
    } finally {
      this.#left = true
      for (const told of this.#onLeave) told()
    }
  }

  async * #parts (answer: Parameters<ProviderFixture['script']>[0], signal: AbortSignal): AsyncGenerator<ModelPart> {
    if (answer.kind === 'error') throw new ModelError(({ rate_limit: 'rate_limit_exceeded', prompt: 'invalid_prompt', server: 'server_error' } as const)[answer.error], answer.message)
    const tokens = answer.kind === 'calls' ? [answer.textBefore ?? ''] : answer.tokens
    for (const text of tokens) if (text !== '') yield { type: 'text', text }
    if (answer.kind === 'cut') throw new ModelError('server_error', 'cut')
    if (answer.kind === 'hang') await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    for (const [index, call] of (answer.kind === 'calls' ? answer.calls : []).entries()) {
      yield { type: 'tool_call', index, id: `call_${index}`, name: call.name }
      yield { type: 'tool_arguments', index, fragment: JSON.stringify(call.arguments) }
    }
    yield { type: 'usage', usage: { promptTokens: 1, completionTokens: 1 } }
    yield { type: 'finish', reason: answer.kind === 'calls' ? 'tool_calls' : answer.kind === 'text' && answer.finish === 'length' ? 'length' : 'stop' }
  }
}

const provider = (fixture: () => ScriptedModel) => (define: DefineTest) => modelProviderSuite({ test: define, factory: async () => fixture() })

test('every suite runs on a runner that knows nothing but names and bodies', async t => {
  const outcomes = await Promise.all([
    outcomeOf(define => recordStoreSuite({
      test: define,
      factory: async () => {
        const store = new MemoryRecordStore()
        return () => store
      }
    })),
    outcomeOf(define => threadStorageSuite({
      test: define,
      factory: async t => {
        const storage = new InMemoryThreadStorage()
        await storage.connect()
        t.teardown(async () => await storage.disconnect())
        return storage
      }
    })),
    outcomeOf(blobs(place => new MemoryBlobStore(place))),
    outcomeOf(provider(() => new ScriptedModel()))
  ])
  for (const { all, failed } of outcomes) {
    t.ok(all.length > 0)
    t.equal(new Set(all).size, all.length, 'no name twice')
    t.strictSame(failed, [])
  }
})

test('a record store that breaks the contract fails the tests that are about it', async t => {
  const fails = async (name: string, Store: new () => MemoryRecordStore) => {
    t.strictSame((await outcomeOf(records(() => new MemoryRecordStore()), name)).failed, [], `a good store passes: ${name}`)
    t.strictSame((await outcomeOf(records(() => new Store()), name)).failed, [name])
  }
  await fails('random batches and pages agree with the plainest reading of the contract (seed 1)', class extends MemoryRecordStore {
    override async page (query: PageQuery): Promise<any> {
      const { before, ...rest } = query
      return await super.page(rest)
    }
  })
  await fails('random batches and pages agree with the plainest reading of the contract (seed 2)', class extends MemoryRecordStore {
    override async write (...args: Parameters<MemoryRecordStore['write']>): Promise<boolean> {
      await super.write(...args)
      return true
    }
  })
  await fails('before connect and after disconnect every verb throws StorageClosedError', class extends MemoryRecordStore {
    override async disconnect (): Promise<void> {}
  })
})

test('a blob store that breaks the contract fails the tests that are about it', async t => {
  const fails = async (name: string, Store: new (blobs: MemoryBlobs) => MemoryBlobStore) => {
    t.strictSame((await outcomeOf(blobs(place => new MemoryBlobStore(place)), name)).failed, [], `a good store passes: ${name}`)
    t.strictSame((await outcomeOf(blobs(place => new Store(place)), name)).failed, [name])
  }
  await fails('a range is cut as slice does it', class extends MemoryBlobStore {
    override async get (key: BlobKey): Promise<any> { return await super.get(key) }
  })
  await fails('a source that fails leaves nothing, and what was there before', class extends MemoryBlobStore {
    override async put (...[key, source, options]: Parameters<MemoryBlobStore['put']>): Promise<number> {
      await super.put(key, Readable.from([]))
      return await super.put(key, source, options)
    }
  })
})

test('a provider that breaks the contract fails the tests that are about it', async t => {
  const fails = async (name: string, change: (parts: AsyncIterable<ModelPart>) => AsyncIterable<ModelPart>) => {
    const broken = provider(() => {
      const model = new ScriptedModel()
      const { stream } = model.provider
      model.provider = { ...model.provider, stream: (request, options) => change(stream(request, options)) }
      return model
    })
    t.strictSame((await outcomeOf(broken, name)).failed, [name])
  }
  await fails('text comes in order and ends with usage and one finish', async function * (parts) {
    for await (const part of parts) if (part.type !== 'finish') yield part
  })
  await fails('an answer that is cut off is an error', async function * (parts) {
    try {
      yield * parts
    } catch {
      yield { type: 'finish', reason: 'stop' }
    }
  })
})

test('assertions for any runner', async t => {
  const fails = async (body: (t: any) => unknown) => await new Promise<string | undefined>((resolve, reject) => {
    withAssertions((_name, run) => run().then(() => resolve(undefined), (error: Error) => error.name === 'AssertionError' ? resolve(error.message) : reject(error)))('x', async t => { await body(t) })
  })
  t.equal(await fails(t => t.pass()), undefined)
  t.equal(await fails(t => t.same({ a: 1 }, { a: '1' })), undefined)
  t.not(await fails(t => t.strictSame({ a: 1 }, { a: '1' })), undefined)
  t.not(await fails(t => t.same({ a: 1 }, { a: 1, b: 2 })), undefined)
  t.not(await fails(t => t.equal(1, '1')), undefined)
  t.equal(await fails(t => t.ok('')), '"" is not truthy')
  t.equal(await fails(t => t.ok(0, 'no zero')), 'no zero')

  for (const [found, pattern] of [['abc', 'b'], ['abc', /^a/], [{ a: 1, b: [{ c: 'xyz' }] }, { b: [{ c: /y/ }] }], [new TypeError('no'), Error], [new TypeError('no'), { message: 'no' }], [null, null]]) {
    t.equal(await fails(t => t.match(found, pattern)), undefined)
  }
  for (const [found, pattern] of [['abc', 'x'], [1, /1/], [{ a: 1 }, { b: undefined, c: 1 }], [new TypeError('no'), RangeError], [undefined, {}], ['abc', {}], [null, { a: 1 }]]) {
    t.not(await fails(t => t.match(found, pattern)), undefined)
  }

  t.equal(await fails(t => t.rejects(Promise.reject(new TypeError('no')))), undefined)
  t.equal(await fails(t => t.rejects(Promise.reject(new TypeError('no')), TypeError)), undefined)
  t.equal(await fails(t => t.rejects(Promise.resolve(7), TypeError)), 'resolved to 7 instead of being rejected')
  t.equal(await fails(t => t.rejects(Promise.reject(new TypeError('no')), RangeError)), 'was rejected with TypeError: no, which does not match RangeError')
  // eslint-disable-next-line prefer-promise-reject-errors
  t.equal(await fails(t => t.rejects(Promise.reject(undefined), { message: 'x' })), 'was rejected with undefined, which does not match {"message":"x"}')
})

test('what a test registered for its end runs, the last first, also when it fails', async t => {
  const done: number[] = []
  let run: (() => Promise<void>) | undefined
  withAssertions((_name, body) => { run = body })('x', async t => {
    t.teardown(() => done.push(1))
    t.teardown(async () => { done.push(2) })
    t.ok(false)
  })
  await t.rejects(run!(), { name: 'AssertionError' })
  t.strictSame(done, [2, 1])
})

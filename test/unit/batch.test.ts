import { test } from 'tap'
import { applyBatch, isStorable, isText, prepareBatch, type BatchTarget } from '../../storage/base/batch.js'
import type { WriteItem } from '../../storage/record-store.js'

const KEY = { project: 'p', partition: 'things' }

test('a batch is made ready as it stands: with what is absent as version 0, and bodies as JSON', t => {
  t.strictSame(prepareBatch(KEY, []), [])
  t.strictSame(prepareBatch(KEY, [
    { op: 'put', kind: 'k', id: 'a', body: { a: [1, undefined], b: undefined } },
    { op: 'put', kind: 'k', id: 'b', parent: 'p', position: 7, expect: 3, body: null },
    { op: 'put', kind: 'other', id: 'a', expect: 'absent', body: 'text' },
    { op: 'clear' },
    { op: 'delete', kind: 'k', id: 'c' },
    { op: 'check', kind: 'k', id: 'd', expect: 'absent' },
    { op: 'check', kind: 'k', id: 'e', expect: 2 }
  ]), [
    { op: 'put', kind: 'k', id: 'a', parent: '', json: '{"a":[1,null]}', expect: undefined, position: undefined },
    { op: 'put', kind: 'k', id: 'b', parent: 'p', json: 'null', expect: 3, position: 7 },
    { op: 'put', kind: 'other', id: 'a', parent: '', json: '"text"', expect: 0, position: undefined },
    { op: 'clear' },
    { op: 'delete', kind: 'k', id: 'c', expect: undefined },
    { op: 'check', kind: 'k', id: 'd', expect: 0 },
    { op: 'check', kind: 'k', id: 'e', expect: 2 }
  ])
  t.end()
})

test('what cannot exist is not looked for: a batch that expects it is lost, and one that expects it absent, or removes it, goes on without', t => {
  const gone = '\ud800'
  for (const [key, id] of [[KEY, gone], [KEY, ''], [{ ...KEY, project: 'x'.repeat(513) }, 'a']] as const) {
    t.equal(prepareBatch(key, [{ op: 'check', kind: 'k', id, expect: 1 }]), undefined)
    t.equal(prepareBatch(key, [{ op: 'delete', kind: 'k', id, expect: 2 }]), undefined)
    t.strictSame(prepareBatch(key, [{ op: 'check', kind: 'k', id, expect: 'absent' }, { op: 'delete', kind: 'other', id }, { op: 'clear' }]), [{ op: 'clear' }])
  }
  t.end()
})

test('a batch that no backend could carry out is an error that says why', t => {
  const put = { op: 'put', kind: 'k', id: 'a', body: 1 } as const
  const message = (...items: WriteItem[]): string => {
    try {
      return JSON.stringify(prepareBatch(KEY, items))
    } catch (error) {
      return `${(error as Error).name}: ${(error as Error).message}`
    }
  }
  t.equal(message(put, { op: 'delete', kind: 'k', id: 'a' }), 'TypeError: A batch names a record at most once, but names k a twice.')
  t.equal(message({ ...put, id: '\0', parent: 'b' }), `TypeError: Not a key that can be stored: ${JSON.stringify(['p', 'things', 'k', '\0', 'b'])}.`)
  t.equal(message({ ...put, parent: 'x'.repeat(513) }), `TypeError: Not a key that can be stored: ${JSON.stringify(['p', 'things', 'k', 'a', 'x'.repeat(513)]).slice(0, 200)}.`)
  for (const op of ['', 'PUT', 'remove', undefined]) t.equal(message({ ...put, op } as unknown as WriteItem), `TypeError: op must be put, delete, check or clear, got ${String(op)}.`)
  t.equal(message({ ...put, body: undefined }), 'TypeError: A record body must be a JSON value.')
  for (const expect of [0, -1, 1.5, 2 ** 53]) t.equal(message({ ...put, expect }), `TypeError: expect must be an integer from 1 to ${Number.MAX_SAFE_INTEGER}, got ${expect}.`)
  for (const position of [0, 1.5, 2 ** 52 + 1]) t.equal(message({ ...put, position }), `TypeError: position must be an integer from 1 to ${2 ** 52}, got ${position}.`)
  t.match(message({ ...put, expect: Number.MAX_SAFE_INTEGER, position: 2 ** 52 }), /^\[/)
  t.end()
})

test('the length of a part of a key counts in bytes, and some parts are never empty', t => {
  t.strictSame([isText('a'.repeat(4), 4), isText('a'.repeat(5), 4), isText('€', 3), isText('€', 2), isText('a\0', 9), isText('\ud800', 9), isText('', 0)], [true, false, true, false, false, false, true])
  const long = 'x'.repeat(513)
  t.equal(isStorable('', 'partition', 'kind', ''), true)
  for (const [project, partition, kind, id] of [['p', '', 'k', 'i'], ['p', 'q', '', 'i'], [long, 'q', 'k', 'i'], ['p', long, 'k', 'i'], ['p', 'q', long, 'i'], ['p', 'q', 'k', long]] as const) t.equal(isStorable(project, partition, kind, id), false)
  t.end()
})

/** A partition that writes down what is done to it. */
class Target implements BatchTarget {
  readonly done: string[] = []
  readonly versions: Record<string, number>
  readonly highest: number
  constructor (versions: Record<string, number>, highest: number) {
    this.versions = versions
    this.highest = highest
  }

  version (_kind: string, id: string): number { return this.versions[id] ?? 0 }
  highestPosition (): number { return this.highest }
  saveHighestPosition (position: number): void { this.done.push(`highest ${position}`) }
  insert ({ id }: { id: string }, position: number): void { this.done.push(`insert ${id} at ${position}`) }
  replace ({ id }: { id: string }): void { this.done.push(`replace ${id}`) }
  remove (_kind: string, id: string): void { this.done.push(`remove ${id}`) }
  clear (): void { this.done.push('clear') }
}

const apply = (items: readonly WriteItem[], versions: Record<string, number> = {}, highest = 5): [boolean, string[]] => {
  const target = new Target(versions, highest)
  return [applyBatch(target, prepareBatch(KEY, items)!), target.done]
}

test('a batch does all of its items in order, and a failed expectation keeps all of them from being done', t => {
  const put = (id: string, more: object = {}): WriteItem => ({ op: 'put', kind: 'k', id, body: 1, ...more })
  t.strictSame(apply([put('a'), { op: 'delete', kind: 'k', id: 'b' }, put('c'), put('d')], { c: 2 }), [true, ['insert a at 6', 'remove b', 'replace c', 'insert d at 7', 'highest 7']])
  t.strictSame(apply([put('a', { position: 3 }), put('b')]), [true, ['insert a at 3', 'insert b at 6', 'highest 6']])
  t.strictSame(apply([put('a', { position: 9 }), put('b')]), [true, ['insert a at 9', 'insert b at 10', 'highest 10']])
  t.strictSame(apply([put('a'), { op: 'clear' }]), [true, ['insert a at 6', 'clear']])
  t.strictSame(apply([{ op: 'check', kind: 'k', id: 'a', expect: 1 }], { a: 1 }), [true, []], 'nothing new, nothing highest')
  for (const lost of [put('b', { expect: 'absent' }), put('b', { expect: 2 }), { op: 'check', kind: 'k', id: 'c', expect: 1 }, { op: 'delete', kind: 'k', id: 'b', expect: 3 }] as const) {
    t.strictSame(apply([put('a'), lost as WriteItem], { b: 1 }), [false, []])
  }
  t.end()
})

import { test } from 'tap'
import { FairQueue } from '../../lib/shared/fair-queue.js'

/** Work that ends when it is told to, and the order in which it began. */
function works (queue: FairQueue) {
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const add = async (project: string, name: string, signal?: AbortSignal): Promise<void> => await queue.run(project, async () => {
    begun.push(name)
    await new Promise<void>(resolve => ends.set(name, resolve))
  }, signal)
  return { begun, add, end: (name: string) => ends.get(name)?.() }
}

test('projects are served in turn, however much one of them has brought', async t => {
  const { begun, add, end } = works(new FairQueue(1))
  const all = ['a1', 'a2', 'a3', 'b1', 'c1', 'b2'].map(async name => await add(name.slice(0, 1), name))
  for (const name of ['a1', 'a2', 'b1', 'c1', 'a3', 'b2']) {
    while (!begun.includes(name)) await Promise.resolve()
    end(name)
  }
  await Promise.all(all)
  t.strictSame(begun, ['a1', 'a2', 'b1', 'c1', 'a3', 'b2'])
})

test('so much runs at once as was said', async t => {
  const { begun, add, end } = works(new FairQueue(2))
  const all = ['x1', 'x2', 'x3'].map(async name => await add('x', name))
  t.strictSame(begun, ['x1', 'x2'])
  end('x1')
  while (begun.length < 3) await Promise.resolve()
  end('x2')
  end('x3')
  await Promise.all(all)
})

test('an aborted signal takes work out of the queue, and what fails makes room', async t => {
  const queue = new FairQueue(1)
  const { begun, add, end } = works(queue)
  const first = add('x', 'x1')
  const controller = new AbortController()
  const left = add('x', 'x2', controller.signal)
  const failing = queue.run('y', async () => { throw new Error('no') })
  const last = add('z', 'z1')
  controller.abort(new Error('gone'))
  await t.rejects(left, { message: 'gone' })
  end('x1')
  await first
  await t.rejects(failing, { message: 'no' })
  while (!begun.includes('z1')) await Promise.resolve()
  end('z1')
  await last
  t.strictSame(begun, ['x1', 'z1'])
  await t.rejects(add('x', 'x3', AbortSignal.abort(new Error('before'))), { message: 'before' })
  t.equal(await queue.run('x', async () => 1), 1)
})

import { test } from 'tap'
import { LoopShare } from '../../lib/shared/loop-share.js'

let now = 0

/** Works without a pause of its own until it has had so many pieces, each of which takes a millisecond. */
async function work (share: LoopShare, project: string, pieces: number, onPiece: () => void): Promise<void> {
  for (let i = 0; i < pieces; i++) {
    await share.breathe(project)
    now++
    onPiece()
  }
}

const turn = async (): Promise<void> => { await new Promise(resolve => setImmediate(resolve)) }

test('work that always has more to do leaves the loop to others every few milliseconds', async t => {
  const share = new LoopShare(() => now)
  let done = 0
  let isOver = false
  const all = Promise.all(Array.from({ length: 10 }, async () => await work(share, 'a', 20, () => { done++ }))).then(() => { isOver = true })
  const most: number[] = []
  const watch = async (before: number): Promise<void> => {
    await turn()
    most.push(done - before)
    if (!isOver) await watch(done)
  }
  await watch(0)
  await all
  // Those that have come in the first turn begin in it; from then on each turn has its five milliseconds.
  t.ok(Math.max(...most.slice(1)) <= 6, `${most.join(' ')} pieces in the turns`)
  t.ok(most.length >= 20, `${most.length} turns`)
})

test('projects have their turns one after the other, whatever number of streams each has', async t => {
  const share = new LoopShare(() => now)
  const order: string[] = []
  const streams = Array.from({ length: 50 }, async () => await work(share, 'many', 4, () => order.push('many')))
  await turn()
  await work(share, 'one', 4, () => order.push('one'))
  t.ok(order.length < 100, `${order.length} pieces until one stream has had four`)
  await Promise.all(streams)
})

test('a lone piece of work waits for nothing', async t => {
  const share = new LoopShare(() => now)
  t.equal(share.breathe('a'), undefined)
  t.equal(share.breathe('b'), undefined)
  await turn()
  t.equal(share.breathe('a'), undefined)
})

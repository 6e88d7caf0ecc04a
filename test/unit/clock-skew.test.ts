import t from 'tap'
import { clockWarnings } from '../../storage/base/clock-skew.js'

const skew = async (theirs: number): Promise<string[]> => {
  let now = 1_000_000
  return await clockWarnings('Redis', async () => theirs, () => (now += 1000))
}

t.test('a clock that differs from the store\'s is warned of, with the direction', async t => {
  t.match(await skew(1_000_000 - 7_200_000), [/is 7201 s ahead of the clock of Redis: .+ too early/])
  t.match(await skew(1_000_000 + 7_200_000), [/is 7198 s behind the clock of Redis: .+ too late/])
})

t.test('a difference within the round trip is not warned of, nor is a store that does not tell its time', async t => {
  t.strictSame(await skew(1_001_500), [])
  t.strictSame(await skew(1_006_000), [])
  t.strictSame(await clockWarnings('Redis', async () => { throw new Error('not permitted') }), [])
})

import t from 'tap'
import { clockWarnings, measureClockSkew } from '../../storage/base/clock-skew.js'

const skew = async (theirs: number): Promise<number> => {
  let now = 1_000_000
  return await measureClockSkew(async () => theirs, () => (now += 1000))
}

t.test('a clock that differs from the store\'s is warned of, with the direction', async t => {
  const [ahead, behind] = [await skew(1_000_000 - 7_200_000), await skew(1_000_000 + 7_200_000)]
  t.strictSame([ahead, behind], [7_201_000, -7_198_000])
  t.match(clockWarnings('Redis', ahead), [/is 7201 s ahead of the clock of Redis/])
  t.match(clockWarnings('Redis', behind), [/is 7198 s behind the clock of Redis/])
})

t.test('a difference within the round trip is not warned of, nor is a store that does not tell its time', async t => {
  t.equal(await skew(1_001_500), 0)
  t.equal(await skew(1_006_000), 0)
  t.equal(await measureClockSkew(async () => { throw new Error('not permitted') }), 0)
  t.equal(await measureClockSkew(async () => NaN), 0)
  t.strictSame(clockWarnings('Redis', 0), [])
})

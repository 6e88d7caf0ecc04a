import { test } from 'tap'
import { ContentionError, untilWritten } from '../../lib/shared/until-written.js'

test('what loses a race is tried again until it is written, and no further', async t => {
  let attempts = 0
  t.equal(await untilWritten(async () => ++attempts === 50 ? 'written' : undefined), 'written')
  t.equal(attempts, 50)
  for (const result of [0, false, null, '']) t.equal(await untilWritten(async () => result), result, 'any result but undefined is one')
})

test('what loses fifty races gives up, and what fails is not tried again', async t => {
  let attempts = 0
  const error: unknown = await untilWritten(async () => {
    attempts++
    return undefined
  }).catch((error: unknown) => error)
  t.match(error, { name: 'ContentionError', message: 'lost 50 races for one record' })
  t.ok(error instanceof ContentionError)
  t.equal(attempts, 50)
  attempts = 0
  await t.rejects(untilWritten(async () => {
    attempts++
    throw new TypeError('no')
  }), { message: 'no' })
  t.equal(attempts, 1)
})

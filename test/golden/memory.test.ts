import { test } from 'tap'
import { code, lateCode } from './flows/code.js'
import { flows } from './flows/index.js'
import { playOn } from './play.js'
import { recorded } from './recording.js'

await playOn('memory')

test('every recording belongs to a flow', async t => {
  t.strictSame(recorded(), Object.keys({ ...flows, ...code, ...lateCode }).sort())
})

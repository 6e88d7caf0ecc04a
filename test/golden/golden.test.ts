/**
 * Golden recordings: what a client and the vendor of the model see of a set of scripted flows, kept word for word in `recordings/`. They
 * hold the run engine to its present behaviour, on every store, however it is changed inside.
 *
 * When a change of behaviour is wanted, rewrite them, and read the diff before it is committed:
 *
 *     npm run build:test && UPDATE_GOLDEN=1 npx tap build/test/golden/golden.test.js
 *
 * The first store writes then, and the others are compared with what it wrote. `GOLDEN=name` plays the flows whose name begins so.
 */
import { test } from 'tap'
import { flows } from './flows/index.js'
import { readRecording, recorded, writeRecording } from './recording.js'
import { Scene } from './scene.js'
import { SharedStage, stores } from './stage.js'

const { UPDATE_GOLDEN, GOLDEN = '' } = process.env

for (const store of stores) {
  test(store.name, { skip: await store.skip() }, async t => {
    const shared = new SharedStage(t, store)
    for (const [name, { about, play }] of Object.entries(flows)) {
      if (!name.startsWith(GOLDEN)) continue
      await t.test(name, async t => {
        const scene = new Scene(t, shared)
        await play(scene)
        const actual = scene.recording(about)
        if (UPDATE_GOLDEN === '1' && store === stores[0]) writeRecording(name, actual)
        t.equal(actual, readRecording(name), `as in test/golden/recordings/${name}.json`)
      })
    }
  })
}

test('every recording belongs to a flow', async t => {
  t.strictSame(recorded(), Object.keys(flows).sort())
})

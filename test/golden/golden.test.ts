/**
 * Golden recordings: what a client, and the model's vendor, see of a set of scripted flows, kept word for word in
 * `recordings/`. They hold the run engine to its present behaviour, on every store, whatever is changed within it.
 *
 * When a change of behaviour is wanted, rewrite them, and read the diff before it is committed:
 *
 *     npm run build:test && UPDATE_GOLDEN=1 npx tap build/test/golden/golden.test.js
 *
 * The first store writes then, and the others are compared with what it wrote.
 */
import { test } from 'tap'
import { persistentStores, type StoreUrl } from '../helpers/stores.js'
import { flows } from './flows/index.js'
import { readRecording, recorded, writeRecording } from './recording.js'
import { Scene } from './scene.js'

const memory: Omit<StoreUrl, 'name'> & { name: string } = { name: 'memory', skip: async () => false, url: () => 'memory:' }

for (const store of [memory, ...persistentStores]) {
  test(store.name, { skip: await store.skip() }, async t => {
    for (const [name, { about, play }] of Object.entries(flows)) {
      await t.test(name, async t => {
        const scene = await Scene.open(t, store.url(t))
        await play(scene)
        const actual = scene.recording(about)
        if (process.env.UPDATE_GOLDEN === '1' && store === memory) writeRecording(name, actual)
        t.equal(actual, readRecording(name), `as in test/golden/recordings/${name}.json`)
      })
    }
  })
}

test('every recording belongs to a flow', async t => {
  t.strictSame(recorded(), Object.keys(flows).sort())
})

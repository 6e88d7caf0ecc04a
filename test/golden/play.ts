/**
 * Golden recordings: what a client and the vendor of the model see of a set of scripted flows, kept word for word in `recordings/`. They
 * hold the run engine to its present behaviour, on every store, however it is changed inside. All stores are held to the same recordings;
 * each has a test file, and so a process, of its own.
 *
 * When a change of behaviour is wanted, rewrite them, read the diff before it is committed, and see that the other stores agree:
 *
 *     npm run build:test && UPDATE_GOLDEN=1 npx tap build/test/golden/memory.test.js
 *     git diff test/golden/recordings
 *     npx tap build/test/golden/*.test.js
 *
 * Only the store in memory writes. `GOLDEN=search` plays the flows whose names begin so, and no others.
 *
 * How to read them: `wire` has the requests and their answers in order, `finally` what can be read afterwards, `model` what the vendor was
 * sent. Ids are numbered in the order of their first appearance, those of events with their log. An object that was shown before is
 * shown by what has changed of it (`"...": "as before"`).
 */
import { test } from 'tap'
import { flows } from './flows/index.js'
import { readRecording, writeRecording } from './recording.js'
import { Scene, type Flows } from './scene.js'
import { SharedStage, stores } from './stage.js'
import type { TestServerOptions } from '../helpers/server.js'

const { UPDATE_GOLDEN, GOLDEN = '' } = process.env

/** What a flow may take in real time, on a machine that is busy with other things. One that hangs is compared as far as it got. */
const LIMIT_MS = 90_000

async function inTime (work: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => { timer = setTimeout(() => resolve(false), LIMIT_MS) })
  return await Promise.race([work.then(() => true), late]).finally(() => clearTimeout(timer))
}

/**
 * Plays flows on one store and compares what came of it with the recordings.
 *
 * @param played default: all that need nothing but a server.
 * @param options of the server that flows share.
 */
export async function playOn (name: string, played: Flows = flows, options: TestServerOptions = {}): Promise<void> {
  const store = stores.find(store => store.name === name)
  if (store === undefined) throw new Error(`there is no store named ${name}`)
  const writes = UPDATE_GOLDEN === '1' && name === 'memory'
  await test(`recordings on ${name}`, { skip: await store.skip() }, async t => {
    const shared = new SharedStage(t, store, options)
    for (const [flow, { about, play }] of Object.entries(played)) {
      if (!flow.startsWith(GOLDEN)) continue
      await t.test(flow, async t => {
        const scene = new Scene(t, shared)
        t.ok(await inTime(play(scene)), `the flow came to its end within ${LIMIT_MS} ms`)
        const actual = scene.recording(about)
        if (writes) writeRecording(flow, actual)
        t.equal(actual, readRecording(flow), `as in test/golden/recordings/${flow}.json`)
      })
    }
  })
}

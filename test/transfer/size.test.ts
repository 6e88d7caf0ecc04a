import { Readable } from 'node:stream'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { exportLines } from '../../lib/transfer/export.js'
import { importFrom } from '../../lib/transfer/import.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import { persistentStores } from '../helpers/stores.js'
import { NOW, open } from './helpers.js'

const MESSAGES = 10_000
/** A message's text: 10,000 of them are much more than what may be held. */
const text = 'x'.repeat(8_000)
const MAX_HELD = 32 * 1024 * 1024

/** A lazy export of one thread: no line exists before it is asked for. */
function * lines (): Generator<Buffer> {
  const line = (value: object): Buffer => Buffer.from(`${JSON.stringify(value)}\n`)
  const record = { object: 'openai_compat.record', project: 'default', partition: 'thread_1' }
  yield line({ ...record, kind: KIND.thread, id: 'thread_1', position: 1, body: { id: 'thread_1', object: 'thread' } })
  for (let n = 0; n < MESSAGES; n++) {
    yield line({ ...record, kind: KIND.message, id: `msg_${n}`, position: n + 2, body: { id: `msg_${n}`, content: [{ type: 'text', text: { value: text, annotations: [] } }] } })
  }
}

/** How much more memory is used than at the start, looked at now and then. */
class Gauge {
  readonly #start = used()
  max = 0
  #looks = 0

  look (): void {
    if (this.#looks++ % 500 === 0) this.max = Math.max(this.max, used() - this.#start)
  }
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function used (): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

for (const store of persistentStores) {
  test(`${store.name}: 10,000 messages pass through with little of them in memory`, { skip: await store.skip(), timeout: 300_000 }, async t => {
    const stores = await open(t, store.url(t))
    const importing = new Gauge()
    const result = await importFrom(Readable.from(lines()), stores, { now: () => NOW, onProgress: () => importing.look() })
    t.equal(result.written.get(KIND.message), MESSAGES)
    t.ok(importing.max < MAX_HELD, `importing held ${importing.max} bytes`)

    const exporting = new Gauge()
    let count = 0
    let last = ''
    for await (const line of exportLines(stores, NOW)) {
      exporting.look()
      if (line.object !== 'openai_compat.record' || line.kind !== KIND.message) continue
      last = line.id
      count++
    }
    t.equal(count, MESSAGES)
    t.equal(last, `msg_${MESSAGES - 1}`)
    t.ok(exporting.max < MAX_HELD, `exporting held ${exporting.max} bytes`)
    t.equal((await stores.records.page({ project: 'default', partition: PARTITION.threads, kind: KIND.thread, order: 'asc', limit: 5 })).records.length, 1)
  })
}

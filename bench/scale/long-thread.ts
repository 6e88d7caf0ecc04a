/** What a thread of 100,000 messages costs beside one of 10, over HTTP. */
import { KIND } from '../../storage/layout.js'
import type { Child } from '../table/child.js'
import { call, get, now, quantile, stream } from '../table/load.js'
import { open } from './places.js'
import type { SharedStore } from './stores.js'
import { startInstance } from './throughput.js'

export interface LongThread {
  store: string
  messages: number
  rows: { what: string, smallMs: number, largeMs: number, ratio: number }[]
}

const SMALL = 10
/** Rounds that are not counted. */
const WARM = 5
const content = 'x'.repeat(400)

interface Subject { id: string, middle: string }

export async function longThread (store: SharedStore, vendor: Child, quick: boolean): Promise<LongThread> {
  const messages = quick ? 2000 : 100_000
  const rounds = quick ? 15 : 100
  const instance = await startInstance(store, vendor)
  const url = `${instance.url}/v1`
  try {
    const assistant: string = (await call('POST', `${url}/assistants`, { model: 'fast-1' })).id
    const small = await threadOf(store, url, SMALL)
    const large = await threadOf(store, url, messages)
    const rows: LongThread['rows'] = []
    /** Both sides in turns, neither of them always first. */
    const compare = async (what: string, action: (thread: Subject) => Promise<unknown>, after?: (thread: Subject, result: any) => Promise<unknown>, sides: (() => Promise<Subject>)[] = [async () => small, async () => large]): Promise<void> => {
      const times = sides.map(() => [] as number[])
      for (let round = -WARM; round < rounds; round++) {
        for (const index of round % 2 === 0 ? [0, 1] : [1, 0]) {
          const thread = await sides[index]!()
          const began = now()
          const result = await action(thread)
          if (round >= 0) times[index]!.push(now() - began)
          await after?.(thread, result)
        }
      }
      const [smallMs, largeMs] = times.map(of => quantile(of, 0.5)) as [number, number]
      rows.push({ what, smallMs, largeMs, ratio: largeMs / smallMs })
    }
    const page = (cursor: (thread: Subject) => string) => async (thread: Subject) => await get(`${url}/threads/${thread.id}/messages?limit=20${cursor(thread)}`)
    await compare('add a message', async ({ id }) => await call('POST', `${url}/threads/${id}/messages`, { role: 'user', content }),
      async ({ id }, { id: message }) => await call('DELETE', `${url}/threads/${id}/messages/${message}`))
    await compare('the newest 20 messages', page(() => ''))
    await compare('the oldest 20', page(() => '&order=asc'))
    await compare('20 behind one in the middle', page(({ middle }) => `&after=${middle}`))
    await compare('get one of them', async ({ id, middle }) => await get(`${url}/threads/${id}/messages/${middle}`))
    const fresh = async (): Promise<Subject> => await threadOf(store, url, SMALL)
    const run = (fields: object) => async ({ id }: Subject) => await stream(`${url}/threads/${id}/runs`, { assistant_id: assistant, stream: true, ...fields })
    await compare('a run with the last 10 messages', run({ truncation_strategy: { type: 'last_messages', last_messages: SMALL } }), undefined, [fresh, async () => large])
    await compare('a run with as many as a prompt takes', run({}), undefined, [fresh, async () => large])
    return { store: store.name, messages, rows }
  } finally {
    await instance.stop()
  }
}

/** A thread of so many messages, written as the server writes them but in batches. */
async function threadOf ({ url: storeUrl }: SharedStore, url: string, size: number): Promise<Subject> {
  const { id } = await call('POST', `${url}/threads`, {})
  const sample = await call('POST', `${url}/threads/${id}/messages`, { role: 'user', content })
  const name = (n: number): string => `msg_${id.slice(-16)}${String(n).padStart(8, '0')}`
  const records = await open(storeUrl)
  try {
    for (let n = 1; n < size; n += 500) {
      await records.write({ project: 'default', partition: id }, Array.from({ length: Math.min(500, size - n) }, (_, i) =>
        ({ op: 'put', kind: KIND.message, id: name(n + i), body: { ...sample, id: name(n + i) } }) as const))
    }
  } finally {
    await records.disconnect()
  }
  return { id, middle: name(size / 2) }
}

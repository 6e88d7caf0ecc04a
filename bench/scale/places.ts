/** What one partition takes from 64 writers, and what 16 take: the index of active runs in one place, and as it is split. */
import { randomUUID } from 'node:crypto'
import { indexJob, unindexJob } from '../../lib/runs/lease.js'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../storage/layout.js'
import { openStorageUrl } from '../../storage/open.js'
import type { RecordStore } from '../../storage/record-store.js'
import { now, quantile } from '../table/load.js'
import type { SharedStore } from './stores.js'

export interface Places {
  store: string
  /** Entries written and removed again, a second. */
  one: number
  split: number
  /** Median of the rounds' own ratios. */
  ratio: number
}

const WRITERS = 64

const ONE = { project: SYSTEM_PROJECT, partition: PARTITION.activeRuns }

/** As versions did that had one partition for all entries. */
const inOne = async (records: RecordStore, id: string): Promise<void> => {
  await records.write(ONE, [{ op: 'put', kind: KIND.activeRun, id, body: { project: 'bench', thread_id: id, created: 0 } }])
  await records.write(ONE, [{ op: 'delete', kind: KIND.activeRun, id }])
}

const inParts = async (records: RecordStore, id: string): Promise<void> => {
  await indexJob(records, { dialect: 'assistants', project: 'bench', partition: id, jobId: id }, 0)
  await unindexJob(records, id)
}

export async function places ({ name, url }: SharedStore, quick: boolean): Promise<Places> {
  const records = await open(url)
  try {
    const rate = async (enter: typeof inOne): Promise<number> => {
      const [began, until] = [now(), now() + (quick ? 1000 : 2000)]
      let done = 0
      await Promise.all(Array.from({ length: WRITERS }, async () => {
        for (; now() < until; done++) await enter(records, `run_${randomUUID()}`)
      }))
      return done / (now() - began) * 1000
    }
    const rounds: [one: number, split: number][] = []
    for (let round = 0; round < (quick ? 1 : 3); round++) rounds.push([await rate(inOne), await rate(inParts)])
    return { store: name, one: quantile(rounds.map(([one]) => one), 0.5), split: quantile(rounds.map(([, split]) => split), 0.5), ratio: quantile(rounds.map(([one, split]) => split / one), 0.5) }
  } finally {
    await records.disconnect()
  }
}

/** The records of a store, for a measurement without a server. */
export async function open (url: string): Promise<RecordStore> {
  const { records } = openStorageUrl(url)
  await records.connect()
  return records
}

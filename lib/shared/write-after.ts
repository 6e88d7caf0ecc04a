import type { PartitionKey, PartitionWrite, RecordStore, WriteItem } from '../../storage/record-store.js'

/** As `RecordStore.writeAfter`, with any store: one that lacks it gets one write after the other, those of `before` side by side. */
export async function writeAfter (records: RecordStore, before: readonly PartitionWrite[], key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
  if (records.writeAfter !== undefined) return await records.writeAfter(before, key, items)
  await Promise.all(before.map(async ({ key, items }) => await records.write(key, items)))
  return await records.write(key, items)
}

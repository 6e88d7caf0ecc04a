import { DamagedRecordError, type RecordKey, type RecordStore } from './record-store.js'

/** A record of which the body may be lost. */
export interface FoundRecord<Body> {
  /** Undefined when it is damaged. */
  body: Body | undefined
  version: number
}

/** A record that the server can do without, or make anew: read even if it is damaged, so that it can be replaced or removed. Undefined when there is none. */
export async function getAnyway<Body> (records: RecordStore, key: RecordKey): Promise<FoundRecord<Body> | undefined> {
  try {
    return await records.get<Body>(key)
  } catch (error) {
    if (!(error instanceof DamagedRecordError) || error.version === undefined) throw error
    return { body: undefined, version: error.version }
  }
}

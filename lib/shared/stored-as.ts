import { isDeepStrictEqual } from 'node:util'

/** Whether a body that was read is another as a store gives it back: with nothing of the fields that had no value, and dates as text. */
export const isStoredAs = (stored: unknown, written: unknown): boolean => isDeepStrictEqual(stored, JSON.parse(JSON.stringify(written)))

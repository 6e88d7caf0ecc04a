import { badRequest } from '../shared/errors.js'
import type { StoreBody } from './records.js'

const DAY_S = 24 * 60 * 60

/** The error of a request that needs a store whose time is over. */
export const expired = (id: string) => badRequest(`Vector store ${id} is expired`)

/** The store with the `expires_at` that follows from its policy and its last use. */
export function withExpiry (body: StoreBody): StoreBody {
  return { ...body, expires_at: body.expires_after === null ? null : body.last_active_at + body.expires_after.days * DAY_S }
}

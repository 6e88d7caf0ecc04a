/** Who did what, to which object, with which outcome. Nothing of the objects themselves. */
export interface AuditEntry {
  /** ISO 8601, in UTC. */
  time: string
  request_id: string
  project: string
  /** The key's name; null when a function has let the caller in, or everybody may call. */
  key: string | null
  /** As in the OpenAPI description: `deleteThread`. */
  operation: string
  /** The ids in the path, by their names: `{ thread_id }`. */
  objects: Record<string, string>
  status: number
  /** The address that the request came from. */
  ip: string
}

/** A file that lines of JSON are appended to, or a function that gets each entry. */
export type Audit = string | ((entry: AuditEntry) => void)

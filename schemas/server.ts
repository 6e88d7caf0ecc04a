import { Type, type Static } from '@sinclair/typebox'
import { closedObject, nullable } from './common.js'

/** `GET /server`, which the API does not have: `model` is a name to try. */
export const ServerQuery = closedObject({ model: Type.Optional(Type.String({ minLength: 1, maxLength: 512 })) })
export type ServerQuery = Static<typeof ServerQuery>

/** How this server is set up, without anything secret: no key, no address. */
export const ServerInfo = Type.Object({
  object: Type.Literal('server'),
  version: Type.String(),
  providers: Type.Array(Type.Object({
    name: Type.String(),
    /** Whether it serves the names without a prefix. */
    default: Type.Boolean(),
    /** Whether it listed its models when it was last asked, at most half a minute ago. */
    answers: Type.Boolean(),
    /** How many it has. */
    models: Type.Integer()
  })),
  default_model: nullable(Type.String()),
  aliases: Type.Unsafe<Record<string, string>>(Type.Object({}, { additionalProperties: Type.String() })),
  /** As the option `limits`; null for a limit that is infinite. */
  limits: Type.Unsafe<Record<string, number | null>>(Type.Object({}, { additionalProperties: nullable(Type.Number()) })),
  /** What this instance does now. Absent for keys of one project among several: it would tell them of the others. */
  live: Type.Optional(Type.Object({
    streams: Type.Integer(),
    active_runs: Type.Integer(),
    /** Vector stores with files that wait to be indexed. */
    indexing_stores: Type.Integer(),
    sandboxes: Type.Integer(),
    /** Held for readers of events. */
    held_bytes: Type.Integer(),
    /** How late the event loop is, in milliseconds. */
    event_loop_lag_ms: Type.Number()
  })),
  /** What the name that was asked for stands for. `listed`: the provider has it among its models. */
  resolved: Type.Optional(Type.Object({ asked: Type.String(), provider: Type.String(), model: Type.String(), listed: Type.Boolean() }))
})
export type ServerInfo = Static<typeof ServerInfo>

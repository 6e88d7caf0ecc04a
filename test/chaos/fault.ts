import type { Fleet } from './fleet.js'
import type { HeldRuns } from './held-runs.js'
import type { Kind } from './model.js'
import type { ChaosStore, StoreName, Undo } from './store.js'
import type { Wire } from './wire.js'

/** What a fault can lay hands on. */
export interface Scene {
  store: ChaosStore
  fleet: Fleet
  wire: Wire
  /** From 0 to 1. */
  random: () => number
  /** Of the load. */
  assistantId: string
  held: HeldRuns
  /** Tells how the server has failed in this round. */
  found: (kind: Kind, what: string) => void
}

/** Something that real infrastructure does to a server. */
export interface Fault {
  name: string
  /** For the table: what happens, in a few words. */
  about: string
  /** The stores that can have it. */
  stores: readonly StoreName[]
  /** Clocks of the instances, in milliseconds beside the real time. Default: none is off. */
  clocks?: readonly number[]
  /** How long it lasts, in milliseconds: between these, by chance. */
  lasts: readonly [least: number, most: number]
  begin (scene: Scene): Promise<Undo>
  /** Looks for what has to hold while it lasts, beside the load. It does not end before that. */
  meanwhile?: (scene: Scene) => Promise<void>
}

import type { TcpProxy } from '../helpers/tcp-proxy.js'

export type StoreName = 'sqlite' | 'redis' | 'replica' | 'sentinel' | 'cluster' | 'postgres' | 'standby'

/** Ends a fault. Resolves when what was broken is whole again, though the server may not have noticed yet. */
export type Undo = () => Promise<void>

/** A store of the tests' own that servers reach by a URL, and that can be made to fail. */
export interface ChaosStore {
  /** For `--storage`. */
  url: string
  /** Instances that are to share it. */
  instances: number
  /** Between the servers and the store, where that has one address. */
  proxy?: TcpProxy
  /** What the store itself can suffer, by the names of the faults. */
  faults: Record<string, (random: () => number) => Promise<Undo>>
}

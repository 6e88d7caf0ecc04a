import { setImmediate } from 'node:timers/promises'
import type { PartitionKey, RecordStore, WriteItem } from '../../../storage/record-store.js'

type StoreClass = new (...args: any[]) => RecordStore

/** A store of this class that knows what has been put into it and not been removed. */
export function counting<Base extends StoreClass> (Store: Base) {
  return class extends Store {
    readonly #keys = new Map<string, Map<string, string>>()

    /** Records, of these kinds if any are named. */
    count (...kinds: string[]): number {
      return this.#kinds().filter(kind => kinds.length === 0 || kinds.includes(kind)).length
    }

    kinds (): Set<string> {
      return new Set(this.#kinds())
    }

    #kinds (): string[] {
      return [...this.#keys.values()].flatMap(keys => [...keys.values()])
    }

    override async write (key: PartitionKey, items: readonly WriteItem[]): Promise<boolean> {
      if (!await super.write(key, items)) return false
      const name = `${key.project} ${key.partition}`
      const keys = this.#keys.get(name) ?? new Map<string, string>()
      this.#keys.set(name, keys)
      for (const item of items) {
        if (item.op === 'put') keys.set(`${item.kind} ${item.id}`, item.kind)
        if (item.op === 'delete') keys.delete(`${item.kind} ${item.id}`)
        if (item.op === 'clear') keys.clear()
      }
      return true
    }
  }
}

/** Asks until it is so. */
export async function until (holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!await holds()) await setImmediate()
}

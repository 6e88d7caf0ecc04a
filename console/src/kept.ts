/** What the browser keeps for the page, or what the page keeps itself while it is open, where the browser is set to keep nothing. */
export class Kept {
  readonly #storage: Storage | undefined
  readonly #own = new Map<string, string>()

  constructor (storage: () => Storage) {
    try {
      this.#storage = storage()
    } catch {
      // To ask for the storage at all throws then.
    }
  }

  get (key: string): string {
    return this.#own.get(key) ?? this.#storage?.getItem(key) ?? ''
  }

  set (key: string, value: string): void {
    try {
      if (this.#storage === undefined) throw new Error('The browser gives no storage.')
      this.#storage.setItem(key, value)
      this.#own.delete(key)
    } catch {
      // Full, or none.
      this.#own.set(key, value)
    }
  }

  delete (key: string): void {
    this.#own.delete(key)
    this.#storage?.removeItem(key)
  }

  keys (): string[] {
    return [...this.#own.keys(), ...Object.keys(this.#storage ?? {})]
  }
}

/** Until the tab is closed. */
export const ofTab = new Kept(() => sessionStorage)
/** For all tabs, for good. */
export const ofBrowser = new Kept(() => localStorage)

const WIDTH = 24
/** Often enough to be seen to move. */
const PAUSE_MS = 100

/** A progress bar on a terminal; no output elsewhere. */
export class Progress {
  readonly #stream: NodeJS.WriteStream
  readonly #label: string
  readonly #isShown: boolean
  #last = 0

  constructor (label: string, stream: NodeJS.WriteStream = process.stderr) {
    this.#label = label
    this.#stream = stream
    this.#isShown = stream.isTTY === true
  }

  get isShown (): boolean {
    return this.#isShown
  }

  /** @param total 0 when it is not known. */
  show (done: number, total: number, text: string): void {
    const now = performance.now()
    if (!this.#isShown || now - this.#last < PAUSE_MS) return
    this.#last = now
    const share = total === 0 ? undefined : Math.min(done / total, 1)
    const full = Math.round((share ?? 0) * WIDTH)
    const bar = share === undefined ? '' : `[${'#'.repeat(full)}${'-'.repeat(WIDTH - full)}] ${Math.floor(share * 100)}% `
    this.#stream.write(`\r\u001b[K${this.#label} ${bar}${text}`)
  }

  /** Takes the bar away. */
  end (): void {
    if (this.#isShown) this.#stream.write('\r\u001b[K')
  }
}

export const number = (value: number): string => value.toLocaleString('en-US')

/** `1 file`, `2,000 files`. */
export const counted = (count: number, one: string, many = `${one}s`): string => `${number(count)} ${count === 1 ? one : many}`

import type { RecordStore } from '../../../storage/record-store.js'
import type { Logger } from '../../shared/log.js'
import type { RunKey } from '../records.js'

/**
 * What instances tell each other about runs. All of it is a hint that makes things quick: whoever misses one finds out by
 * looking (lease renewal, recovery, polls).
 */
export type BusMessage =
  /** A run was marked `cancelling`: whoever executes it should look. */
  | { type: 'look', run_id: string }
  /** A run was handed over: it has no executor. */
  | { type: 'orphan', project: string, thread_id: string, run_id: string }
  /** A run goes on at the sender's: events kept elsewhere are history. */
  | { type: 'moved', run_id: string }
  /** A run has ended and its thread is free. */
  | { type: 'unlocked', project: string, thread_id: string, run_id: string }
  /** Somebody wants to read the events of a run. */
  | { type: 'follow', run_id: string }

const TOPIC = 'runs'

/** The topic on which the executor of a run says that it has written more events. */
export const eventsTopic = (key: RunKey): string => `run-events ${key.runId}`

export class RunBus {
  readonly #records: RecordStore
  readonly #sender: string
  readonly #log: Logger
  #unlisten: (() => Promise<void>) | undefined

  constructor (records: RecordStore, sender: string, log: Logger) {
    this.#records = records
    this.#sender = sender
    this.#log = log
  }

  /** Calls `receive` for what other instances say, until `close()`. */
  async listen (receive: (message: BusMessage) => void): Promise<void> {
    this.#unlisten = await this.#records.listen?.(TOPIC, payload => {
      const { sender, message } = JSON.parse(payload) as { sender: string, message: BusMessage }
      if (sender !== this.#sender) receive(message)
    })
  }

  /** Never fails: a hint that is lost is only a delay. */
  send (message: BusMessage): void {
    this.#records.notify?.(TOPIC, JSON.stringify({ sender: this.#sender, message })).catch(error => {
      this.#log.debug({ err: error }, 'other instances could not be told')
    })
  }

  /** Never fails either: a store that is away, or hangs, needs no goodbye. */
  async close (): Promise<void> {
    await this.#unlisten?.().catch(error => {
      this.#log.debug({ err: error }, 'news could not be unsubscribed from')
    })
  }
}

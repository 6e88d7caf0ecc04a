import type { RecordStore } from '../../../storage/record-store.js'
import type { Logger } from '../../shared/log.js'
import type { JobKey } from '../job.js'

/** A job's key as it travels. */
interface KeyFields { dialect: string, project: string, partition: string, job_id: string }

export const fieldsOf = ({ dialect, project, partition, jobId }: JobKey): KeyFields => ({ dialect, project, partition, job_id: jobId })

export const keyOf = ({ dialect, project, partition, job_id: jobId }: KeyFields): JobKey => ({ dialect, project, partition, jobId })

/**
 * Notifications between instances. They are best-effort and only make things quick: what was missed is found by lease renewal,
 * recovery and polling.
 */
export type BusMessage =
  /** A job was marked as cancelling: the instance that executes it should look at its lease now. */
  | { type: 'checkLease', job_id: string }
  /** A job was handed over: it has no executor. */
  | { type: 'released' } & KeyFields
  /** A job goes on at the sender's: events kept elsewhere are out of date. */
  | { type: 'continuedElsewhere', job_id: string }
  /** A job has ended. */
  | { type: 'ended' } & KeyFields
  /** A reader of another instance asks for the events of a job. */
  | { type: 'streamRequested', job_id: string }

const TOPIC = 'runs'

/** The topic on which the executor of a run says that it has written more events. */
export const eventsTopic = (key: JobKey): string => `run-events ${key.jobId}`

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

  /** Calls `receive` for messages of other instances, until `close()`. */
  async listen (receive: (message: BusMessage) => void): Promise<void> {
    this.#unlisten = await this.#records.listen?.(TOPIC, payload => {
      const { sender, message } = JSON.parse(payload) as { sender: string, message: BusMessage }
      if (sender !== this.#sender) receive(message)
    })
  }

  /** Never fails: a lost message is only a delay. */
  send (message: BusMessage): void {
    this.#records.notify?.(TOPIC, JSON.stringify({ sender: this.#sender, message })).catch(error => {
      this.#log.debug({ err: error }, 'other instances could not be notified')
    })
  }

  /** Never fails either: a store that is down, or hangs, need not be waited for. */
  async close (): Promise<void> {
    await this.#unlisten?.().catch(error => {
      this.#log.debug({ err: error }, 'the subscription to other instances could not be ended')
    })
  }
}

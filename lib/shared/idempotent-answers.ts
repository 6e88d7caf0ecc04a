import { createHash, randomUUID } from 'node:crypto'
import { KIND, PARTITION } from '../../storage/layout.js'
import type { PartitionKey, RecordKey, RecordStore } from '../../storage/record-store.js'
import { isUncertain } from './certain-store.js'
import type { Clock } from './clock.js'
import { ApiError } from './errors.js'
import { pause } from './timers.js'

/** Where a stream that was an answer can be read again. */
export interface StreamedAnswer {
  thread_id: string
  run_id: string
  /** Of the log that it was read from. */
  tag: string
  /** The first event of the answer in that log. */
  from: number
  /** Whether it began with the run. Otherwise it began with a submission of tool outputs. */
  isWhole: boolean
}

/** An answer as it is sent again. */
export type KeptAnswer = { status: number, payload: string } | { stream: StreamedAnswer }

/** What was asked under a key, and what was answered once it was. */
interface AnswerBody {
  fingerprint: string
  /** Milliseconds since the epoch. */
  at: number
  /** Names the request that was first. Absent from records of before. */
  request?: string
  answer?: KeptAnswer
  /** It failed, and may have been carried out. */
  isUnknown?: true
}

const DAY_MS = 24 * 60 * 60 * 1000

/** Days that are looked back upon, to remove answers that have expired. */
const DAYS_TO_CLEAR = 7

/** How long a repetition waits for the answer of the request that it repeats. */
const WAIT_MS = 10_000
const LOOK_MS = { first: 25, most: 500 }

/** Between tries to give a key back that may have been taken for a request that was not begun. */
const WITHDRAW_MS = [1000, 2000, 4000, 8000, 16_000, 30_000]

/** A request that has been at work for so long is probably not at work any more: its server was killed. */
const GIVEN_UP_MS = 10 * 60_000

/** Whether it says what came of the request. */
const isDecided = ({ answer, isUnknown }: AnswerBody): boolean => answer !== undefined || isUnknown === true

/**
 * The answers of requests with an `Idempotency-Key`, per project, in the store: whichever instance gets the repetition sends the same
 * answer. An answer is kept for one to two days. The records of a day share a partition, which is cleared as a whole.
 */
export class IdempotentAnswers {
  readonly #records: RecordStore
  readonly #clock: Clock
  /** Per project, the day whose forerunners were cleared. */
  readonly #cleared = new Map<string, number>()

  constructor (records: RecordStore, clock: Clock) {
    this.#records = records
    this.#clock = clock
  }

  /**
   * Begins a request, or finds the answer of the one that it repeats, waiting for that as long as it is being worked on.
   *
   * @param fingerprint of everything that makes the request: another one may not use the key.
   * @throws {ApiError} 400 when the key belongs to another request, 409 when there is no answer yet.
   */
  async begin (project: string, key: string, fingerprint: string): Promise<Begun | KeptAnswer> {
    const from = this.#clock.now()
    const today = Math.floor(from / DAY_MS)
    await this.#clear(project, today)
    for (let look = LOOK_MS.first; ; look = Math.min(2 * look, LOOK_MS.most)) {
      // Tomorrow's: another instance's clock may be ahead.
      const found = await this.#find(project, [today, today - 1, today + 1], key)
      if (found === undefined) {
        const begun = await this.#begin(project, today, key, { fingerprint, at: this.#clock.now(), request: randomUUID() }, from)
        if (begun !== undefined) return begun
        continue
      }
      if (found.fingerprint !== fingerprint) {
        throw new ApiError(400, 'This Idempotency-Key was used with another request. Use a new key for each request.', { code: 'idempotency_key_reused' })
      }
      if (found.answer !== undefined) return found.answer
      if (found.isUnknown === true) throw unanswered(true)
      const now = this.#clock.now()
      const isLost = now - found.at > GIVEN_UP_MS
      if (isLost || now - from >= WAIT_MS) throw unanswered(isLost)
      await pause(this.#clock, look)
    }
  }

  /**
   * Begins a request that was found under no day. Undefined when another instance has done so meanwhile: under the same day, or under the
   * one before or after, where a day has just begun or the clocks differ. Both have taken the key then, and may see each other: the earlier
   * day's waits for what becomes of the later day's, which gives way unless it has looked before the earlier one took the key.
   */
  async #begin (project: string, day: number, key: string, body: AnswerBody, from: number): Promise<Begun | undefined> {
    const place = recordKey(project, day, key)
    if (!await this.#take(place, body)) return undefined
    const begun = new Begun(this.#records, place, body)
    try {
      for (let look = LOOK_MS.first; ; look = Math.min(2 * look, LOOK_MS.most)) {
        const [before, after] = await Promise.all([this.#find(project, [day - 1], key), this.#find(project, [day + 1], key)])
        if (before === undefined && after === undefined) return begun
        if (before !== undefined || after === undefined || isDecided(after) || this.#clock.now() - from >= WAIT_MS) break
        await pause(this.#clock, look)
      }
      await begun.release()
      return undefined
    } catch (error) {
      this.#withdraw(place, body, 0)
      throw error
    }
  }

  async #take (place: RecordKey, body: AnswerBody): Promise<boolean> {
    try {
      return await this.#records.write(place, [{ op: 'put', kind: place.kind, id: place.id, body, expect: 'absent' }])
    } catch (error) {
      if (isUncertain(error)) this.#withdraw(place, body, 0)
      throw error
    }
  }

  /** The key may be taken, now or later, for a request that was refused because nothing could be learned about that. */
  #withdraw (place: RecordKey, { request }: AnswerBody, tries: number): void {
    const delay = WITHDRAW_MS[tries]
    if (delay === undefined) return
    this.#clock.after(delay, () => {
      const remove = async (): Promise<boolean> => {
        const found = await this.#records.get<AnswerBody>(place)
        if (found === undefined) return false
        return found.body.request !== request || await this.#records.write(place, [{ op: 'delete', kind: place.kind, id: place.id, expect: found.version }])
      }
      remove().catch(() => false).then(isSettled => { if (!isSettled) this.#withdraw(place, { request } as AnswerBody, tries + 1) }, () => {})
    })
  }

  /** What is kept under a key on any of the days, one that says what came of the request rather than another. */
  async #find (project: string, days: readonly number[], key: string): Promise<AnswerBody | undefined> {
    const records = await Promise.all(days.map(async day => await this.#records.get<AnswerBody>(recordKey(project, day, key))))
    const bodies = records.flatMap(record => record === undefined ? [] : [record.body])
    return bodies.find(isDecided) ?? bodies[0]
  }

  /** Removes what is too old to be asked for. */
  async #clear (project: string, day: number): Promise<void> {
    if (this.#cleared.get(project) === day) return
    this.#cleared.set(project, day)
    for (let age = 2; age < 2 + DAYS_TO_CLEAR; age++) await this.#records.write(partitionOf(project, day - age), [{ op: 'clear' }])
  }
}

/** A request that has not been answered yet. */
export class Begun {
  readonly #records: RecordStore
  readonly #place: RecordKey
  readonly #body: AnswerBody
  #isSettled = false

  constructor (records: RecordStore, place: RecordKey, body: AnswerBody) {
    this.#records = records
    this.#place = place
    this.#body = body
  }

  get isSettled (): boolean {
    return this.#isSettled
  }

  /** Keeps the answer for repetitions. */
  async keep (answer: KeptAnswer): Promise<void> {
    this.#isSettled = true
    const { kind, id } = this.#place
    await this.#records.write(this.#place, [{ op: 'put', kind, id, body: { ...this.#body, answer } satisfies AnswerBody, expect: 1 }])
  }

  /** Keeps repetitions from being carried out: the request failed, and may have had an effect. */
  async keepUnknown (): Promise<void> {
    this.#isSettled = true
    const { kind, id } = this.#place
    await this.#records.write(this.#place, [{ op: 'put', kind, id, body: { ...this.#body, isUnknown: true } satisfies AnswerBody, expect: 1 }])
  }

  /** Lets a repetition be carried out: nothing was done. */
  async release (): Promise<void> {
    this.#isSettled = true
    const { kind, id } = this.#place
    await this.#records.write(this.#place, [{ op: 'delete', kind, id, expect: 1 }])
  }
}

/** The partitions that may hold answers. */
export function daysOfAnswers (now: number): string[] {
  const today = Math.floor(now / DAY_MS)
  return Array.from({ length: DAYS_TO_CLEAR + 3 }, (_, age) => partitionOf('', today + 1 - age).partition)
}

const partitionOf = (project: string, day: number): PartitionKey => ({ project, partition: `${PARTITION.idempotentAnswers} ${day}` })

/** Clients choose their keys, and may choose what an id cannot hold. */
function recordKey (project: string, day: number, key: string): RecordKey {
  return { ...partitionOf(project, day), kind: KIND.idempotentAnswer, id: createHash('sha256').update(key).digest('hex') }
}

function unanswered (isLost: boolean): ApiError {
  return isLost
    ? new ApiError(409, 'A request with this Idempotency-Key was interrupted or has failed, and may have been carried out. Check its effect before you send it with a new key.', { code: 'idempotency_outcome_unknown', headers: { 'x-should-retry': 'false' } })
    : new ApiError(409, 'A request with this Idempotency-Key is being carried out. Please retry your request.', { code: 'idempotency_key_in_use', headers: { 'retry-after': '1', 'x-should-retry': 'true' } })
}

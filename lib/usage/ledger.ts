import { KIND, PARTITION } from '../../storage/layout.js'
import type { RecordStore } from '../../storage/record-store.js'
import type { Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import { untilWritten } from '../shared/until-written.js'
import { Timer } from '../shared/timers.js'

/** How long what was used waits to be written, in milliseconds: what a process that dies loses. */
export const WRITE_EVERY_MS = 5_000

/** Models and keys of a project and a day that are told apart. Names of models come from clients: more are counted together. */
const MOST_ROWS = 500
/** Rows that wait to be written; then they are written at once. */
const MOST_PENDING = 5_000
/** Names of models are cut at this length. */
const NAME_LENGTH = 200
export const OTHER = 'other'

/** What was used. */
export interface Amounts {
  /** Calls of a model. */
  requests: number
  /** Runs that have ended. */
  runs: number
  inputTokens: number
  /** Of the input tokens those that the vendor had in its cache. */
  cachedTokens: number
  outputTokens: number
}

export type UsageKind = 'completions' | 'embeddings'

/** Whose use it was, and of what. */
export interface UsageName {
  kind: UsageKind
  /** The key's name; null without a key. */
  key: string | null
  /** As `GET /models` names it. */
  model: string
}

export type UsageRow = UsageName & Amounts

/** The record of a project and a day, whose id is the day. */
export interface UsageDay {
  rows: UsageRow[]
}

const NOTHING: Amounts = { requests: 0, runs: 0, inputTokens: 0, cachedTokens: 0, outputTokens: 0 }

const DAY_MS = 86_400_000
const last = { number: NaN, day: '' }

/** `2026-11-26`, in UTC. */
export function dayOf (ms: number): string {
  const number = Math.floor(ms / DAY_MS)
  if (number !== last.number) Object.assign(last, { number, day: new Date(ms).toISOString().slice(0, 10) })
  return last.day
}

export const usageRecord = (project: string, day: string) => ({ project, partition: PARTITION.usage, kind: KIND.usageDay, id: day })

export function sum (a: Amounts, b: Partial<Amounts>): Amounts {
  const names = Object.keys(NOTHING) as (keyof Amounts)[]
  return Object.fromEntries(names.map(name => [name, a[name] + (b[name] ?? 0)])) as unknown as Amounts
}

/**
 * What each project has used on each day, by key and model, for good. Counted in memory and added to the store every few seconds and at the
 * end; instances on one store add to the same records, each on the condition that they are as it has read them.
 */
export class UsageLedger {
  readonly #records: RecordStore
  readonly #clock: Clock
  readonly #log: Logger
  readonly #timer: Timer
  /** By project and day, then by name. */
  #pending = new Map<string, { project: string, day: string, rows: Map<string, UsageRow> }>()
  #pendingRows = 0
  #writing: Promise<void> | undefined
  #isStopped = false
  #isScheduled = false

  constructor ({ records, clock, log }: { records: RecordStore, clock: Clock, log: Logger }) {
    this.#records = records
    this.#clock = clock
    this.#log = log
    this.#timer = new Timer(clock)
  }

  add (project: string, { kind, key, model }: UsageName, amounts: Partial<Amounts>): void {
    const day = dayOf(this.#clock.now())
    const name = `${day} ${project}`
    let entry = this.#pending.get(name)
    if (entry === undefined) this.#pending.set(name, entry = { project, day, rows: new Map() })
    const row = { kind, key, model: model.slice(0, NAME_LENGTH) }
    if (this.#merge(entry.rows, row, amounts)) this.#pendingRows++
    if (this.#isStopped || this.#pendingRows > MOST_PENDING) this.flush().catch(() => {})
    else this.#schedule()
  }

  /** What a project has used on a day, as far as it is written or was counted here. */
  async day (project: string, day: string): Promise<UsageRow[]> {
    const rows = new Map<string, UsageRow>()
    const stored = await this.#records.get<UsageDay>(usageRecord(project, day))
    for (const row of stored?.body.rows ?? []) rows.set(rowName(row), row)
    for (const row of this.#pending.get(`${day} ${project}`)?.rows.values() ?? []) this.#merge(rows, row, row)
    return [...rows.values()]
  }

  /** Leaves out what a project that is erased has used. */
  forget (project: string): void {
    for (const [name, entry] of this.#pending) {
      if (entry.project === project && this.#pending.delete(name)) this.#pendingRows -= entry.rows.size
    }
  }

  /** Writes what was counted. Rejects when the store is away; it is kept then. */
  async flush (): Promise<void> {
    // One after the other: the second one writes what the first one could not.
    while (this.#writing !== undefined) await this.#writing.catch(() => {})
    this.#writing = this.#write().finally(() => { this.#writing = undefined })
    await this.#writing
  }

  async stop (): Promise<void> {
    this.#isStopped = true
    this.#timer.clear()
    await this.flush()
  }

  #schedule (): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#timer.set(WRITE_EVERY_MS, () => {
      this.#isScheduled = false
      this.flush().catch((err: unknown) => {
        this.#log.warn({ err }, 'what projects have used could not be written; it is tried again')
        this.#schedule()
      })
    })
  }

  async #write (): Promise<void> {
    for (const [name, { project, day, rows }] of this.#pending) {
      const written = [...rows.values()].map(row => ({ ...row }))
      await this.#writeDay(project, day, written)
      // More may have been counted meanwhile, and the project may have been erased.
      const left = this.#pending.get(name)
      if (left === undefined) continue
      for (const row of written) {
        const now = left.rows.get(rowName(row))
        if (now !== undefined) left.rows.set(rowName(row), { ...now, ...minus(now, row) })
      }
      for (const [key, row] of left.rows) if (isNothing(row) && left.rows.delete(key)) this.#pendingRows--
      if (left.rows.size === 0) this.#pending.delete(name)
      else this.#schedule()
    }
  }

  async #writeDay (project: string, day: string, added: readonly UsageRow[]): Promise<void> {
    const key = usageRecord(project, day)
    await untilWritten(async () => {
      const stored = await this.#records.get<UsageDay>(key)
      const rows = new Map((stored?.body.rows ?? []).map(row => [rowName(row), row]))
      for (const row of added) this.#merge(rows, row, row)
      const body: UsageDay = { rows: [...rows.values()] }
      return await this.#records.write(key, [{ op: 'put', kind: key.kind, id: key.id, body, expect: stored?.version ?? 'absent' }]) || undefined
    })
  }

  /** Whether there is a new row. */
  #merge (rows: Map<string, UsageRow>, name: UsageName, amounts: Partial<Amounts>): boolean {
    const known = rows.has(rowName(name)) || rows.size < MOST_ROWS
    const { kind, key, model }: UsageName = known ? name : { kind: name.kind, key: OTHER, model: OTHER }
    const id = rowName({ kind, key, model })
    const before = rows.get(id)
    rows.set(id, { kind, key, model, ...sum(before ?? NOTHING, amounts) })
    return before === undefined
  }
}

const rowName = ({ kind, key, model }: UsageName): string => `${kind}\n${key ?? ''}\n${model}`

const minus = (a: Amounts, b: Amounts): Amounts =>
  sum(a, Object.fromEntries(Object.keys(NOTHING).map(name => [name, -b[name as keyof Amounts]])))

const isNothing = (row: Amounts): boolean => Object.keys(NOTHING).every(name => row[name as keyof Amounts] === 0)

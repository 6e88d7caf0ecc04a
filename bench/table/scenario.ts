import type { Child } from './child.js'

/** What a row aims at: a bound of ours divided by the floor's, or of our own value. A row of work done has a lower bound, one of costs an upper one. */
export interface Target { ratio?: number, value?: number }

export interface Row {
  name: string
  unit: string
  /** Which way is better. */
  better: 'more' | 'less'
  target: Target
  /** Whether `--compare` fails when its ratio is worse: what is steady enough from one run to the next. */
  steady: boolean
  /** Its name under the smaller loads of `--quick`, where that differs. */
  quickName?: string
}

export interface Side {
  kind: 'floor' | 'limit' | 'ours'
  server: Child
  /** Base URL of the model vendor. */
  vendor: string
  quick: boolean
}

/** Rows that one load yields together. */
export interface Scenario {
  id: string
  rows: Row[]
  /** The bare server it is compared with, if there is one; `silent` is ours without log and metrics, beside ours with both, in one process. */
  floor?: 'relay' | 'routes' | 'silent'
  /** Whether `limit.ts` takes its turn as well. */
  hasLimit?: boolean
  storage?: 'memory' | 'sqlite'
  /** How often the sides are started anew, 1 by default: two servers of one process differ by some percent, by chance, as long as they live. */
  starts?: { quick: number, full: number }
  /** How often each side takes its turn after each start; the kept value is the median of all. */
  rounds: { quick: number, full: number }
  /** Once for each side before the first turn; what it returns goes to `measure`. */
  prepare? (side: Side): Promise<unknown>
  /** The value of each row. */
  measure (side: Side, prepared: any): Promise<number[]>
}

export const more = (name: string, unit: string, target: Target): Row => ({ name, unit, better: 'more', target, steady: true })
export const less = (name: string, unit: string, target: Target, quickName?: string): Row => ({ name, unit, better: 'less', target, steady: false, ...quickName === undefined ? {} : { quickName } })
export const steadyLess = (name: string, unit: string, target: Target): Row => ({ name, unit, better: 'less', target, steady: true })

import { ByteBudget, defaultBudgetBytes } from '../shared/byte-budget.js'

/**
 * The part of what may be held that is for runs that have stopped, the last thousand or so: who asks for them later gets the same from the
 * records. Four times as much was held to no purpose, and took a quarter of the server's memory.
 */
const PAST_PART = 0.25

export interface HeldBudgets {
  /** For the events of runs that are executed. */
  running: ByteBudget
  /** For runs that have stopped, and their events. */
  past: ByteBudget
}

/** @param maxHeldBytes of both together. 0: the default. */
export function heldBudgets (maxHeldBytes: number): HeldBudgets {
  const most = maxHeldBytes === 0 ? defaultBudgetBytes() : maxHeldBytes
  return { running: new ByteBudget(most * (1 - PAST_PART)), past: new ByteBudget(most * PAST_PART) }
}

/** A mutant made a loop without an end. */
export const EXIT_LOOPS = 71

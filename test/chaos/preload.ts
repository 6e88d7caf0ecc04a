/** Loaded into each server ahead of its own code, of whichever version: it moves the clock and reports what ends the process. */
const shiftMs = Number(process.env.CHAOS_CLOCK_MS ?? 0)

if (shiftMs !== 0) {
  const RealDate = Date
  globalThis.Date = class extends RealDate {
    constructor (...args: unknown[]) {
      // `new Date()` alone reads the clock.
      super(...(args.length === 0 ? [RealDate.now() + shiftMs] : args) as [number])
    }

    static override now (): number {
      return RealDate.now() + shiftMs
    }
  } as DateConstructor
}

/** A listener of the event itself would keep the process alive; this one only watches. */
process.on('uncaughtExceptionMonitor', (error, origin) => {
  process.stderr.write(`${JSON.stringify({ chaos: origin, message: error instanceof Error ? error.stack : String(error) })}\n`)
})

/**
 * The work's result, or the signal's reason if that comes first; the work is then left behind. The listener is taken off the
 * signal in either case: Node keeps a composite signal alive as long as it has one.
 */
export async function unlessAborted<T> (work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let give = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    give = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason }))
  })
  signal.addEventListener('abort', give, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', give)
  }
}

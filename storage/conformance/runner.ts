/**
 * What the suites need of a test. Tests of tap have it, `withAssertions` gives it to any other runner; the runner is an
 * argument of the suites, so that this package depends on none.
 */
export interface SuiteTest {
  equal (found: unknown, wanted: unknown, message?: string): unknown
  match (found: unknown, pattern: any, message?: string): unknown
  ok (value: unknown, message?: string): unknown
  pass (message?: string): unknown
  /** @param wanted what the error has to match: its class, or an object with some of its keys. */
  rejects (promise: Promise<unknown>, wanted?: any, message?: string): Promise<unknown>
  same (found: unknown, wanted: unknown, message?: string): unknown
  strictSame (found: unknown, wanted: unknown, message?: string): unknown
  /** Called when the test has ended; the last one first. */
  teardown (work: () => unknown): unknown
}

/** Defines one test. */
export type DefineTest<T extends SuiteTest = any> = (name: string, body: (t: T) => Promise<void>) => unknown

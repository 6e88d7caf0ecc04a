import { BubblewrapSandbox } from '../../../lib/sandbox/bubblewrap/bubblewrap.js'

let found: Promise<string | false> | undefined

/** Why bubblewrap cannot be tested here; false when it can. */
export async function bubblewrapSkip (): Promise<string | false> {
  found ??= new BubblewrapSandbox().check().then(check => !check.ok && check.reason)
  return await found
}

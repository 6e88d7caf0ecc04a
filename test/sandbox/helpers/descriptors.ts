import { BubblewrapSandbox } from '../../../lib/sandbox/bubblewrap/bubblewrap.js'
import { DEFAULT_SANDBOX_LIMITS } from '../../../lib/sandbox/sandbox.js'

/** Run as a program that has inherited descriptors: prints those that code in a sandbox has. */
const signal = new AbortController().signal
const sandbox = new BubblewrapSandbox()
const session = await sandbox.start({ limits: DEFAULT_SANDBOX_LIMITS, signal })
for await (const event of session.execute('import os\nprint(*sorted(int(fd) for fd in os.listdir("/proc/self/fd")))', { timeoutMs: 20_000, signal })) {
  if (event.type === 'text') process.stdout.write(event.text)
}
await sandbox.close()

import { test } from 'tap'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock } from '../../lib/shared/clock.js'
import { silentLogger } from '../../lib/shared/log.js'
import { ServerTools } from '../../lib/tools/server-tools.js'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('nothing of a call is kept once it is answered', async t => {
  const signals: WeakRef<AbortSignal>[] = []
  const tool = {
    name: 'quick',
    parameters: { type: 'object' },
    execute (_args: unknown, { signal }: { signal: AbortSignal }) { signals.push(new WeakRef(signal)) }
  }
  const tools = new ServerTools({ tools: [tool], access: 'all', timeoutMs: 60_000, clock: systemClock, log: silentLogger })
  for (let i = 0; i < 100; i++) {
    await tools.execute({ id: `call_${i}`, name: 'quick', arguments: '{}' }, [],
      { project: 'default', metadata: {}, runId: 'run', threadId: 'thread', agentId: 'asst', signal: new AbortController().signal })
  }
  for (let i = 0; i < 3; i++) {
    await new Promise(resolve => setImmediate(resolve))
    collectGarbage()
  }
  // The last one may still be on the stack.
  const kept = signals.filter(signal => signal.deref() !== undefined).length
  t.ok(kept <= 1, `${kept} of 100 signals are kept`)
})

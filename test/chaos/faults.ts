import { setTimeout as pause } from 'node:timers/promises'
import type { TcpProxy } from '../helpers/tcp-proxy.js'
import type { Fault, Scene } from './fault.js'
import { readersElsewhere, takesNoWrites } from './promises.js'
import type { StoreName, Undo } from './store.js'
import { GRACE_MS, LEASE_MS, TIMEOUT_MS } from './times.js'

const HOUR_MS = 60 * 60 * 1000
/** What needs no store that stands by or several addresses happens the same way on `replica` as on `redis`. */
const EVERY: readonly StoreName[] = ['sqlite', 'redis', 'sentinel', 'cluster', 'postgres', 'standby']
const SHARED: readonly StoreName[] = EVERY.filter(name => name !== 'sqlite')
/** Those with one address, and so with a network that can be broken. */
const NETWORKED: readonly StoreName[] = ['redis', 'postgres']

/** Of the network between servers and store. */
function network (name: string, about: string, lasts: Fault['lasts'], act: (proxy: TcpProxy, scene: Scene) => void | (() => void), meanwhile: Fault['meanwhile'] = async () => {}): Fault {
  return {
    name,
    about,
    stores: NETWORKED,
    lasts,
    meanwhile,
    async begin (scene) {
      const proxy = scene.store.proxy!
      const stop = act(proxy, scene)
      return async () => {
        stop?.()
        proxy.restore()
      }
    }
  }
}

/** Of the store's own processes. */
function ofStore (name: string, about: string, stores: readonly StoreName[], lasts: Fault['lasts'], meanwhile: Fault['meanwhile'] = async () => {}): Fault {
  return { name, about, stores, lasts, meanwhile, begin: async ({ store, random }) => await store.faults[name]!(random) }
}

/** An instance by chance. */
const victim = ({ fleet, random }: Scene): number => Math.floor(random() * fleet.instances.length)

/** As an orchestrator stops it: SIGTERM, and `kill -9` for what is still there then. */
async function stopOne ({ fleet, found }: Scene, index: number): Promise<void> {
  if (!await fleet.endsWithin(fleet.instances[index]!.child, GRACE_MS)) found('stuck', `an instance had not ended ${GRACE_MS} ms after SIGTERM`)
}

async function killOne (scene: Scene, index: number): Promise<Undo> {
  await scene.fleet.kill(scene.fleet.instances[index]!.child)
  return async () => { await scene.fleet.launch(index) }
}

export const FAULTS: readonly Fault[] = [
  network('cut', 'connections are cut, again and again', [300, 900], (proxy, { random }) => {
    let isOver = false
    const next = (): void => {
      if (isOver) return
      proxy.cut()
      setTimeout(next, 10 + random() * 90)
    }
    next()
    return () => { isOver = true }
  }),
  network('away', 'connections are refused', [200, 2000], proxy => proxy.refuse()),
  network('blackhole', 'connections stay, and nothing passes', [TIMEOUT_MS / 2, 2.5 * TIMEOUT_MS], proxy => proxy.stall()),
  network('stranded', 'connections that were open go silent for good; new ones work', [100, 500], proxy => proxy.strand()),
  network('deaf', 'the connection for notifications goes silent for good', [100, 500], proxy => proxy.strand(/LISTEN|subscribe/i), readersElsewhere),
  network('half-close', 'a half of each connection is closed', [100, 500], proxy => proxy.halfClose()),
  network('slow', 'every packet takes 100 ms longer', [500, 1500], proxy => proxy.delay(100)),

  ofStore('crash', 'the store is killed, and starts again', ['redis', 'cluster', 'postgres'], [100, 800]),
  ofStore('pause', 'the store is stopped (SIGSTOP), and goes on', ['redis', 'cluster', 'postgres'], [TIMEOUT_MS / 2, 2.5 * TIMEOUT_MS]),
  ofStore('full', 'the store is full', ['redis', 'postgres'], [200, 1200], async scene => await takesNoWrites(scene, /full/)),
  ofStore('readonly', 'the store is read-only, with its connections open', ['redis', 'postgres'], [200, 1200], async scene => await takesNoWrites(scene, /read-only/)),
  ofStore('starved', 'the database has fewer connections than the pools may have', ['postgres'], [500, 1500]),
  ofStore('locked', 'the tables are locked for longer than `timeoutMs`', ['postgres'], [1.2 * TIMEOUT_MS, 2.5 * TIMEOUT_MS]),
  ofStore('failover', 'the primary dies or steps down, and its replica takes over', ['replica', 'sentinel', 'cluster', 'standby'], [0, 500]),
  ofStore('switchover', 'the replica is promoted; the old primary stays with its connections, read-only', ['replica', 'standby'], [200, 800]),

  {
    name: 'rolling',
    about: 'the instances are restarted one after the other (SIGTERM)',
    stores: EVERY,
    lasts: [0, 0],
    async begin (scene) {
      for (const index of scene.fleet.instances.keys()) {
        await stopOne(scene, index)
        await scene.fleet.launch(index)
      }
      return async () => {}
    }
  },
  {
    name: 'stop',
    about: 'an instance is stopped (SIGTERM) while nothing passes to the store',
    stores: NETWORKED,
    lasts: [0, 300],
    async begin (scene) {
      const { store: { proxy }, fleet, random } = scene
      const index = victim(scene)
      proxy!.stall()
      await pause(random() * TIMEOUT_MS)
      await stopOne(scene, index)
      return async () => {
        proxy!.restore()
        await fleet.launch(index)
      }
    }
  },
  {
    name: 'kill',
    about: 'an instance is killed (`kill -9`), and starts again',
    stores: EVERY,
    lasts: [0, 300],
    begin: async scene => await killOne(scene, victim(scene))
  },
  {
    name: 'zombie',
    about: 'an instance is stopped for longer than its lease, and wakes up',
    stores: SHARED,
    lasts: [1.5 * LEASE_MS, 2.5 * LEASE_MS],
    async begin (scene) {
      const { child } = scene.fleet.instances[victim(scene)]!
      child.kill('SIGSTOP')
      return async () => { child.kill('SIGCONT') }
    }
  },
  {
    name: 'clocks',
    about: 'one clock is two hours ahead, one two hours behind; one of these instances is killed',
    stores: NETWORKED,
    clocks: [0, 2 * HOUR_MS, -2 * HOUR_MS],
    lasts: [0, 300],
    begin: async scene => await killOne(scene, scene.random() < 0.5 ? 1 : 2)
  },
  {
    name: 'lost-answer',
    about: 'a third of the answers to `POST` get lost; the SDK repeats the requests with their `Idempotency-Key`',
    stores: EVERY,
    lasts: [800, 1200],
    async begin ({ wire }) {
      wire.loss = 1 / 3
      return async () => { wire.loss = 0 }
    }
  }
]

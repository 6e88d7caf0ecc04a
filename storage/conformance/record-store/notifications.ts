import type { SuiteTest } from '../runner.js'
import type { RecordStore } from '../../record-store.js'
import { connected, type StoreFactory, type Suite } from './suite.js'

type Notifying = RecordStore & Required<Pick<RecordStore, 'notify' | 'listen'>>

/** Two instances where data is shared, else one twice; undefined when the store has no notifications. */
async function instances (t: SuiteTest, factory: StoreFactory): Promise<[Notifying, Notifying] | undefined> {
  const open = await factory(t)
  const store = await connected(t, open())
  if (store.notify === undefined || store.listen === undefined) return undefined
  const other = store.supports.shared ? await connected(t, open()) : store
  return [store as Notifying, other as Notifying]
}

/** Collects payloads, and tells when one arrives. */
class Inbox {
  readonly payloads: string[] = []
  #wanted: { payload: string, resolve: () => void } | undefined
  readonly listener = (payload: string) => {
    this.payloads.push(payload)
    if (payload === this.#wanted?.payload) this.#wanted.resolve()
  }

  arrived (payload: string): Promise<void> {
    return new Promise(resolve => {
      if (this.payloads.includes(payload)) resolve()
      else this.#wanted = { payload, resolve }
    })
  }
}

export function notificationTests ({ test, factory }: Suite): void {
  const notificationTest = (name: string, run: (t: SuiteTest, one: Notifying, other: Notifying) => Promise<unknown>) => {
    test(name, async (t: SuiteTest) => {
      const stores = await instances(t, factory)
      if (stores === undefined) t.pass('this store has no notifications')
      else await run(t, ...stores)
    })
  }

  notificationTest('a notification reaches every listener of its topic, here and on other instances', async (t, one, other) => {
    const [here, there, thereToo] = [new Inbox(), new Inbox(), new Inbox()]
    const inboxes = [here, there, thereToo]
    await one.listen('run_1', here.listener)
    await other.listen('run_1', there.listener)
    await other.listen('run_1', thereToo.listener)
    await one.notify('run_1', 'first')
    await one.notify('run_1', 'second')
    await Promise.all(inboxes.map(inbox => inbox.arrived('second')))
    for (const inbox of inboxes) t.strictSame(inbox.payloads, ['first', 'second'])
  })

  notificationTest('topics are apart', async (t, one, other) => {
    const [first, second] = [new Inbox(), new Inbox()]
    await other.listen('run_1', first.listener)
    await other.listen('run_2', second.listener)
    await one.notify('run_1', 'for 1')
    await one.notify('run_2', 'for 2')
    await one.notify('nobody', 'lost')
    await one.notify('run_1', 'end')
    await Promise.all([first.arrived('end'), second.arrived('for 2')])
    t.strictSame([first.payloads, second.payloads], [['for 1', 'end'], ['for 2']])
  })

  notificationTest('who stopped listening hears no more, the others do', async (t, one, other) => {
    const stays = new Inbox()
    const leaves = new Inbox()
    await other.listen('run_1', stays.listener)
    const stop = await other.listen('run_1', leaves.listener)
    await one.notify('run_1', 'both')
    await Promise.all([stays.arrived('both'), leaves.arrived('both')])
    await stop()
    await stop()
    await one.notify('run_1', 'one')
    await stays.arrived('one')
    t.strictSame(leaves.payloads, ['both'])
  })

  notificationTest('a function may listen twice and is called once for each', async (t, one, other) => {
    const inbox = new Inbox()
    await other.listen('run_1', inbox.listener)
    const stop = await other.listen('run_1', inbox.listener)
    await stop()
    await one.notify('run_1', 'end')
    await inbox.arrived('end')
    t.strictSame(inbox.payloads, ['end'])
  })

  notificationTest('500 notifications arrive in the order sent', async (t, one, other) => {
    const inbox = new Inbox()
    await other.listen('run_1', inbox.listener)
    const sent = Array.from({ length: 500 }, (_, n) => String(n))
    for (const payload of sent) await one.notify('run_1', payload)
    await inbox.arrived('499')
    t.strictSame(inbox.payloads, sent)
  })

  notificationTest('payloads arrive as sent, up to the limit', async (t, one, other) => {
    const inbox = new Inbox()
    await other.listen('tópic:{1}/%', inbox.listener)
    const payloads = ['', 'a\nb', '"quotes" \\u0000', '😀 é', 'x'.repeat(7800)]
    for (const payload of payloads) await one.notify('tópic:{1}/%', payload)
    await one.notify('tópic:{1}/%', 'end')
    await inbox.arrived('end')
    t.strictSame(inbox.payloads, [...payloads, 'end'])
  })

  notificationTest('what cannot be sent everywhere is a TypeError', async (t, one) => {
    for (const [topic, payload] of [['a\nb', ''], ['a\0', ''], ['a', '\0'], ['a', '\ud800'], ['a', 'x'.repeat(7900)]] as const) {
      await t.rejects(one.notify(topic, payload), TypeError)
    }
  })
}

import { setTimeout as pause } from 'node:timers/promises'
import type OpenAI from 'openai'
import { newestSdk } from '../helpers/sdk.js'
import type { Gate } from '../helpers/upstream.js'
import { settle } from './check.js'
import type { Scene } from './fault.js'
import { GRACE_MS, LEASE_MS } from './times.js'
import { until } from './until.js'

/** What docs/reliability.md promises beside that nothing is lost: of each instance by itself, so that no other one answers in its place. */

/** As for whatever else has to happen by itself. */
const WITHIN_MS = LEASE_MS + GRACE_MS
const LOOK_MS = 25

/** A client of this one instance, which repeats nothing. */
function clientOf (address: string): OpenAI {
  const { OpenAI } = newestSdk.load()
  return new OpenAI({ baseURL: address, apiKey: 'sk-test', maxRetries: 0 })
}

/** Each instance that should be there has it; what is said is a finding otherwise. */
async function onEach ({ fleet, found }: Scene, what: string, holds: (client: OpenAI, address: string) => Promise<boolean>): Promise<void> {
  await Promise.all(fleet.addresses.map(async address => {
    await until(async () => await holds(clientOf(address), address), WITHIN_MS)
      .catch(({ cause }) => found('stuck', `${address} ${what}${cause === undefined ? '' : `: ${String(cause)}`}`))
  }))
}

/** A store that takes no writes: `/ready` says so, and why; a write gets a 503, and what was written can be read. */
export async function takesNoWrites (scene: Scene, why: RegExp): Promise<void> {
  await onEach(scene, `does not say at /ready that the store takes no writes, by ${why}`, async (_, address) => {
    const answer = await fetch(new URL('/ready', address), { signal: AbortSignal.timeout(WITHIN_MS) })
    return answer.status === 503 && why.test(await answer.text())
  })
  await onEach(scene, 'does not answer a write with a 503', async client => {
    const error: any = await client.beta.threads.create({}).then(() => undefined, (error: unknown) => error)
    return error?.status === 503 && error.code === 'storage_unavailable'
  })
  await onEach(scene, 'does not answer what only reads', async client => (await client.beta.assistants.retrieve(scene.assistantId)).id === scene.assistantId)
}

/** Readers of the other instances see the events of a run while it goes on, whichever instance carries it out. */
export async function readersElsewhere (scene: Scene): Promise<void> {
  const { fleet: { addresses }, found } = scene
  if (addresses.length < 2) return
  await Promise.all(addresses.map(async address => {
    const client = clientOf(address)
    let begun: BegunRun | undefined
    await until(async () => {
      begun = await beginRun(client, scene)
      return true
    }, WITHIN_MS).catch(({ cause }) => found('stuck', `no run can be begun at ${address}: ${String(cause)}`))
    if (begun === undefined) return
    const { thread, run, gate } = begun
    const path = `/threads/${thread}/runs/${run}/stream`
    await Promise.all(addresses.filter(other => other !== address).map(async other => {
      if (!await seesAWord(clientOf(other), path)) found('stuck', `${other} has shown no word of ${run}, begun at ${address}, in ${WITHIN_MS} ms`)
    }))
    gate.open(Infinity)
    const status = await settle(client, thread, run, performance.now() + WITHIN_MS).catch(String)
    if (status !== 'completed') found('stuck', `${run}, which was read elsewhere: ${status}`)
  }))
}

interface BegunRun { thread: string, run: string, gate: Gate }

/** A run whose model waits behind its first word until the gate is open. */
async function beginRun ({ beta: { threads } }: OpenAI, { held, assistantId }: Scene): Promise<BegunRun> {
  const { content, gate } = held.hold()
  try {
    const { id: thread } = await threads.create({ messages: [{ role: 'user', content }] })
    const { id: run } = await threads.runs.create(thread, { assistant_id: assistantId })
    return { thread, run, gate }
  } catch (error) {
    // A run that was begun without an answer goes on to its end.
    gate.open(Infinity)
    throw error
  }
}

/** Whether a reader gets an event of the model's words, with as many attempts as there is time for. */
async function seesAWord (client: OpenAI, path: string): Promise<boolean> {
  const signal = AbortSignal.timeout(WITHIN_MS)
  while (!signal.aborted) {
    try {
      const events = await client.get(path, { stream: true, signal }) as AsyncIterable<{ event: string }>
      for await (const { event } of events) if (event === 'thread.message.delta') return true
    } catch {}
    await pause(LOOK_MS)
  }
  return false
}

import { error, text, toolCalls, type UpstreamReply } from '../../helpers/upstream.js'
import { outputsFor } from './server.js'
import type { Random } from './random.js'

const ACTIVE = ['queued', 'in_progress', 'requires_action', 'cancelling']
const CLIENTS = 3
const ACTIONS = 6

/** What a client may be told that came at the wrong moment. */
const REFUSALS = [
  /^Can't add messages to thread_\w+ while a run run_\w+ is active\.$/,
  /^Thread thread_\w+ already has an active run run_\w+\.$/,
  /^Cannot cancel run with status '(cancelled|failed|completed|incomplete|expired)'\.$/,
  /^Runs in status "\w+" do not accept tool outputs\.$/,
  /^Expected tool outputs for call_ids \['[^\]]+'\], got \['[^\]]+'\]$/
]

/** Replies of every kind, some of them slow. */
export function anyReply (random: Random): UpstreamReply {
  const pause = turns(random.below(12))
  switch (random.below(8)) {
    case 0: return error(random.pick([400, 429, 500]))
    case 1: return text(['cut ', pause, 'off'], { finish: 'length' })
    case 2: return { ...text(['lost', pause]), finish: null, done: false }
    case 3:
    case 4: return toolCalls([{ name: 'ask', arguments: {} }], { textBefore: random.pick(['', 'Let me ask.']) })
    case 5: return toolCalls([{ name: 'add', arguments: {} }])
    default: return text(['An', pause, ' answer'])
  }
}

async function turns (count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(resolve => setImmediate(resolve))
}

/** Several clients that do as they like with one thread, and what must be true of it all the same. */
export class Schedule {
  readonly #baseURL: string
  readonly #assistantId: string
  readonly #random: Random
  readonly #history: string[] = []
  readonly #accepted: string[][] = []
  readonly #refused = new Set<string>()
  readonly #runIds: string[] = []
  #threadId = ''

  constructor (baseURL: string, assistantId: string, random: Random) {
    this.#baseURL = baseURL
    this.#assistantId = assistantId
    this.#random = random
  }

  /** Throws what is wrong, with the history. */
  async run (): Promise<void> {
    try {
      this.#threadId = (await this.#send('POST', '/threads', { messages: [{ role: 'user', content: 'first' }] })).body.id
      await Promise.all(Array.from({ length: CLIENTS }, async (_, client) => await this.#client(client)))
      await this.#windUp()
      await this.#judge()
    } catch (problem) {
      throw new Error(`${(problem as Error).message}\n${this.#history.join('\n')}`, { cause: problem })
    }
  }

  async #client (client: number): Promise<void> {
    this.#accepted[client] = []
    for (let i = 0; i < ACTIONS; i++) {
      await turns(this.#random.below(12))
      const label = `${client}.${i}`
      switch (this.#random.below(7)) {
        case 0: await this.#say(client, label); break
        case 1:
        case 2:
        case 3: await this.#startRun(client, label); break
        case 4: await this.#cancel(); break
        case 5: await this.#submit(); break
        default: await this.#poll()
      }
    }
  }

  async #say (client: number, content: string): Promise<void> {
    const { status } = await this.#try('POST', '/messages', { role: 'user', content })
    if (status === 200) this.#accepted[client]!.push(content)
    else this.#refused.add(content)
  }

  async #startRun (client: number, content: string): Promise<void> {
    const { status, body } = await this.#try('POST', '/runs', { assistant_id: this.#assistantId, additional_messages: [{ role: 'user', content }] })
    if (status === 200) {
      this.#accepted[client]!.push(content)
      this.#runIds.push(body.id)
    } else {
      this.#refused.add(content)
    }
  }

  async #cancel (): Promise<void> {
    if (this.#runIds.length > 0) await this.#try('POST', `/runs/${this.#random.pick(this.#runIds.slice(-2))}/cancel`)
  }

  async #submit (): Promise<void> {
    const id = this.#runIds.at(-1)
    if (id === undefined) return
    const { body: run } = await this.#try('GET', `/runs/${id}`)
    const outputs = run.required_action === null ? [{ tool_call_id: 'call_x', output: '' }] : outputsFor(run)
    await this.#try('POST', `/runs/${id}/submit_tool_outputs`, { tool_outputs: outputs })
  }

  async #poll (): Promise<void> {
    const { body } = await this.#try('GET', '/runs?limit=100')
    const active = body.data.filter(({ status }: any) => ACTIVE.includes(status))
    if (active.length > 1) throw new Error(`${active.length} runs are active`)
  }

  /** Ends what is still going on. */
  async #windUp (): Promise<void> {
    for (let looks = 0; ; looks++) {
      const { body } = await this.#try('GET', '/runs?limit=1')
      const active = body.data.find(({ status }: any) => ACTIVE.includes(status))
      if (active === undefined) return
      if (looks > 10) throw new Error(`the run ${active.id} is stuck in ${active.status}`)
      if (active.status === 'requires_action') await this.#try('POST', `/runs/${active.id}/cancel`)
      else await (await fetch(`${this.#baseURL}/threads/${this.#threadId}/runs/${active.id}/stream`)).text()
    }
  }

  async #judge (): Promise<void> {
    const last = await this.#send('POST', `/threads/${this.#threadId}/messages`, { role: 'user', content: 'last' })
    if (last.status !== 200) throw new Error(`the thread is stuck: ${last.body.error.message}`)
    const { data: messages } = (await this.#try('GET', '/messages?limit=100&order=asc')).body
    const { data: runs } = (await this.#try('GET', '/runs?limit=100&order=asc')).body
    const words = messages.filter(({ run_id: id }: any) => id === null).map(({ content }: any) => content[0].text.value)

    for (const content of ['first', ...this.#accepted.flat(), 'last']) {
      const times = words.filter((word: string) => word === content).length
      if (times !== 1) throw new Error(`the message ${content} is there ${times} times`)
    }
    for (const content of words) if (this.#refused.has(content)) throw new Error(`the refused message ${content} is there`)
    for (const own of this.#accepted) {
      const order = own.map(content => words.indexOf(content))
      if (order.some((place, i) => i > 0 && place < order[i - 1]!)) throw new Error(`messages of one client out of order: ${own.join()}`)
    }
    const open = messages.find(({ status }: any) => status === 'in_progress')
    if (open !== undefined) throw new Error(`the message ${open.id} is still in progress`)

    // A run's answers stand together, behind what it was given, and in the order of the runs.
    const places = runs.map(({ id }: any) => messages.flatMap((message: any, i: number) => message.run_id === id ? [i] : []))
    for (const own of places) {
      if (own.length > 0 && own.at(-1) - own[0] !== own.length - 1) throw new Error('something stands between the answers of one run')
    }
    const sequence = places.flat()
    if (sequence.some((place: number, i: number) => i > 0 && place < sequence[i - 1])) throw new Error('answers are not in the order of their runs')
    for (const run of runs) await this.#judgeSteps(run)
  }

  async #judgeSteps (run: any): Promise<void> {
    const { data: steps } = (await this.#try('GET', `/runs/${run.id}/steps?limit=100`)).body
    const open = steps.find(({ status }: any) => status === 'in_progress')
    if (open !== undefined) throw new Error(`the step ${open.id} of the ${run.status} run ${run.id} is still in progress`)
    if (run.usage === null || run.required_action !== null) throw new Error(`the run ${run.id} has not ended properly`)
  }

  async #try (method: string, path: string, body?: object): Promise<{ status: number, body: any }> {
    const answer = await this.#send(method, `/threads/${this.#threadId}${path}`, body)
    const refusal = answer.body.error?.message
    this.#history.push(`${method} ${path} ${body === undefined ? '' : JSON.stringify(body)} -> ${answer.status} ${refusal ?? answer.body.status ?? ''}`)
    if (answer.status !== 200 && !(answer.status === 400 && REFUSALS.some(pattern => pattern.test(refusal)))) throw new Error(`${method} ${path}: ${answer.status} ${refusal}`)
    return answer
  }

  async #send (method: string, path: string, body?: object): Promise<{ status: number, body: any }> {
    const response = await fetch(this.#baseURL + path, {
      method, headers: { 'content-type': 'application/json' }, ...body === undefined ? {} : { body: JSON.stringify(body) }
    })
    return { status: response.status, body: await response.json() }
  }
}

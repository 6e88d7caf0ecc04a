import { batch, computed, signal } from '@preact/signals'
import OpenAI from 'openai'
import type { Stream } from 'openai/streaming'
import { client, INCLUDE, stepsOf, type Assistant, type Message, type Run, type StreamEvent } from '../api.js'
import { notifyError } from '../ui/toast.js'
import { Drawing } from './drawing.js'
import { after, type ThreadState } from './events.js'

const PAGE = 40
const ACTIVE: readonly string[] = ['queued', 'in_progress', 'cancelling']
/** Between two attempts to reach the server again: the first, and the longest. */
const RETRY_MS = [500, 10_000] as const

/** A file or an image that goes with the next message: one to upload, one that the server has, or an image that is elsewhere. */
export interface Attachment { name: string, size?: number, isImage: boolean, source: File | { id: string } | { url: string } }

type Open = (options: { signal: AbortSignal }) => PromiseLike<Stream<StreamEvent>>

/** One thread as the chat shows it, and the run that goes on in it. */
export class Conversation {
  readonly id: string
  readonly #state = signal<ThreadState>({ messages: [], steps: {}, run: undefined })
  readonly #drawing = new Drawing<StreamEvent>(events => { this.#state.value = events.reduce(after, this.#state.value) })
  readonly #left = new AbortController()
  #isUnwanted = false
  #isFollowing = false
  readonly isLoaded = signal(false)
  readonly hasEarlier = signal(false)
  /** Whether the server is not reached while a run may go on in it. */
  readonly isLost = signal(false)
  readonly messages = computed(() => this.#state.value.messages)
  readonly steps = computed(() => this.#state.value.steps)
  readonly run = computed(() => this.#state.value.run)
  readonly isSending = signal(false)
  readonly isActive = computed(() => this.isSending.value || ACTIVE.includes(this.run.value?.status ?? ''))

  constructor (id: string) {
    this.id = id
  }

  /** The newest messages, and the run that is under way. */
  async load (): Promise<void> {
    const threads = client.value.beta.threads
    const [messages, runs] = await Promise.all([threads.messages.list(this.id, { limit: PAGE }), threads.runs.list(this.id, { limit: 1 })])
    const run = runs.data[0]
    batch(() => {
      const newest = messages.data.toReversed()
      const before = this.messages.value.findIndex(({ id }) => id === newest[0]?.id)
      // Those that were loaded before stay when the newest are looked at again.
      this.#state.value = { messages: [...this.messages.value.slice(0, Math.max(0, before)), ...newest], steps: this.steps.value, run }
      if (before <= 0) this.hasEarlier.value = messages.has_more
      this.isLoaded.value = true
    })
    await this.#loadSteps(messages.data)
    if (run !== undefined && ACTIVE.includes(run.status)) await this.#follow(this.#joined(run))
  }

  /** @param shown called once the messages are there, before their steps are */
  async loadEarlier (shown: () => void): Promise<void> {
    const first = this.messages.value[0]
    if (first === undefined) return
    const page = await client.value.beta.threads.messages.list(this.id, { limit: PAGE, after: first.id })
    this.#state.value = { ...this.#state.value, messages: [...page.data.toReversed(), ...this.messages.value] }
    this.hasEarlier.value = page.has_more
    shown()
    await this.#loadSteps(page.data)
  }

  async #loadSteps (messages: readonly Message[]): Promise<void> {
    const runs = new Set(messages.flatMap(({ run_id: id }) => id ?? []).concat(this.run.value?.id ?? []))
    await Promise.all([...runs].map(async id => await this.#loadStepsOf(id).catch(() => {})))
  }

  async #loadStepsOf (runId: string): Promise<void> {
    const steps = await stepsOf(this.id, runId)
    this.#state.value = { ...this.#state.value, steps: { ...this.#state.value.steps, [runId]: steps } }
  }

  /** Adds a message of the user and has the assistant answer. */
  async send (text: string, attachments: readonly Attachment[], assistant: Assistant): Promise<void> {
    this.isSending.value = true
    this.#isUnwanted = false
    try {
      const given = await Promise.all(attachments.map(async ({ source, isImage }) =>
        ({ isImage, url: 'url' in source ? source.url : undefined, id: source instanceof File ? (await client.value.files.create({ file: source, purpose: isImage ? 'vision' : 'assistants' })).id : 'id' in source ? source.id : '' })))
      const content: OpenAI.Beta.Threads.MessageContentPartParam[] = [
        ...text === '' ? [] : [{ type: 'text' as const, text }],
        ...given.filter(({ isImage }) => isImage).map(({ id, url }) => url === undefined ? { type: 'image_file' as const, image_file: { file_id: id } } : { type: 'image_url' as const, image_url: { url } })
      ]
      const files = given.filter(({ isImage }) => !isImage)
      const message = await client.value.beta.threads.messages.create(this.id, {
        role: 'user',
        content: content.length === 0 ? 'See the attached files.' : content,
        ...files.length === 0 ? {} : { attachments: files.map(({ id }) => ({ file_id: id, tools: [toolForFiles(assistant)] })) }
      })
      this.#state.value = { ...this.#state.value, messages: [...this.messages.value, message] }
      if (!this.#isUnwanted) await this.start(assistant, files.length > 0)
    } finally {
      this.isSending.value = false
    }
  }

  /** A run of the messages as they are. `withFiles` gives the assistant file search for this run, if it has no tool that reads files. */
  async start (assistant: Assistant, withFiles = false): Promise<void> {
    const readsFiles = assistant.tools.some(({ type }) => type !== 'function')
    const body = { assistant_id: assistant.id, include: INCLUDE, ...withFiles && !readsFiles ? { tools: [...assistant.tools, { type: 'file_search' as const }] } : {} }
    const { runs } = client.value.beta.threads
    if (this.#left.signal.aborted) await runs.create(this.id, body)
    else await this.#follow(options => runs.create(this.id, { ...body, stream: true }, options))
  }

  async answer (run: Run, outputs: OpenAI.Beta.Threads.Runs.RunSubmitToolOutputsParams.ToolOutput[]): Promise<void> {
    await this.#follow(options => client.value.beta.threads.runs.submitToolOutputs(run.id, { thread_id: this.id, tool_outputs: outputs, stream: true }, options))
  }

  /** Ends the run, or sees to it that none begins where the message is still on its way. */
  async stop (): Promise<void> {
    const run = this.run.value
    if (run === undefined || !(ACTIVE.includes(run.status) || run.status === 'requires_action')) {
      this.#isUnwanted = this.isSending.value
      return
    }
    const stopped = await client.value.beta.threads.runs.cancel(run.id, { thread_id: this.id })
    this.#state.value = { ...this.#state.value, run: stopped }
    // Of a run that waited for outputs no stream was being read that would tell its end.
    if (!this.#isFollowing && ACTIVE.includes(stopped.status)) await this.#follow(this.#joined(stopped))
  }

  /** Deletes a message and all that follow it. */
  async cutFrom (message: Message): Promise<void> {
    const at = this.messages.value.findIndex(({ id }) => id === message.id)
    for (const { id } of this.messages.value.slice(at).toReversed()) {
      await client.value.beta.threads.messages.delete(id, { thread_id: this.id }).catch((error: unknown) => {
        // Another tab was faster.
        if (!(error instanceof OpenAI.NotFoundError)) throw error
      })
    }
    this.#state.value = { ...this.#state.value, messages: this.messages.value.slice(0, at) }
  }

  /** Ends what is being read: the run goes on, but browsers have few connections. */
  leave (): void {
    this.#left.abort()
  }

  #joined (run: Run): Open {
    return options => client.value.get(`/threads/${this.id}/runs/${run.id}/stream`, { ...options, stream: true }) as Promise<Stream<StreamEvent>>
  }

  /** Reads the events of a run to its end, by as many connections as it takes. */
  async #follow (open: Open): Promise<void> {
    this.#isFollowing = true
    try {
      await this.#followed(open)
    } finally {
      this.#isFollowing = false
    }
  }

  async #followed (open: Open): Promise<void> {
    const { signal } = this.#left
    const before = this.run.value?.id
    let isRead = false
    let failure: unknown
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        if (!isRead) await this.#read(open)
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof OpenAI.APIError && !(error instanceof OpenAI.APIConnectionError)) notifyError(error)
        else failure ??= error
      }
      isRead = true
      try {
        // What a connection that broke off has kept from us.
        const run = (await client.value.beta.threads.runs.list(this.id, { limit: 1 })).data[0]
        this.#state.value = { ...this.#state.value, run }
        this.isLost.value = false
        // Of a request that has not arrived there is nothing to follow.
        if (failure !== undefined && run?.id === before && !ACTIVE.includes(run?.status ?? '')) notifyError(failure)
        if (run === undefined) return
        if (!ACTIVE.includes(run.status)) return await this.#loadEnd(run)
        open = this.#joined(run)
        isRead = false
      } catch (error) {
        if (!(error instanceof OpenAI.APIConnectionError) && !(error instanceof OpenAI.InternalServerError)) return notifyError(error)
        this.isLost.value = true
      }
      await pause(Math.min(RETRY_MS[1], RETRY_MS[0] * 2 ** attempt), signal)
    }
  }

  async #read (open: Open): Promise<void> {
    try {
      for await (const event of await open({ signal: this.#left.signal })) {
        this.isLost.value = false
        this.#drawing.add(event)
        if (this.#isUnwanted && event.event.startsWith('thread.run.')) {
          this.#isUnwanted = false
          this.#drawing.finish()
          void this.stop().catch(notifyError)
        }
      }
    } finally {
      this.#drawing.finish()
    }
  }

  /** The passages behind the citations, and the messages of a run whose stream was not read to its end. */
  async #loadEnd (run: Run): Promise<void> {
    await this.#loadStepsOf(run.id).catch(() => {})
    if (!this.messages.value.some(({ run_id: id, status }) => id === run.id && status === 'in_progress')) return
    const { data } = await client.value.beta.threads.messages.list(this.id, { limit: 100, run_id: run.id })
    this.#state.value = { ...this.#state.value, messages: this.messages.value.map(message => data.find(({ id }) => id === message.id) ?? message) }
  }
}

/** Some time, or until there is a network again. */
async function pause (ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>(resolve => {
    const end = (): void => {
      clearTimeout(timer)
      removeEventListener('online', end)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    addEventListener('online', end)
    signal.addEventListener('abort', end)
  })
}

function toolForFiles (assistant: Assistant): { type: 'file_search' } | { type: 'code_interpreter' } {
  const has = (type: string): boolean => assistant.tools.some(tool => tool.type === type)
  return has('code_interpreter') && !has('file_search') ? { type: 'code_interpreter' } : { type: 'file_search' }
}

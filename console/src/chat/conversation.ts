import { batch, computed, signal } from '@preact/signals'
import type OpenAI from 'openai'
import type { Stream } from 'openai/streaming'
import { client, type Assistant, type Message, type Run, type Step, type StreamEvent } from '../api.js'
import { notifyError } from '../ui/toast.js'
import { after, type ThreadState } from './events.js'

const PAGE = 40
const INCLUDE: OpenAI.Beta.Threads.Runs.RunStepInclude[] = ['step_details.tool_calls[*].file_search.results[*].content']
const ACTIVE: readonly string[] = ['queued', 'in_progress', 'cancelling']

/** A file that goes with the next message. */
export interface Attachment { file: File, isImage: boolean }

/** One thread as the chat shows it, and the run that goes on in it. */
export class Conversation {
  readonly id: string
  readonly #state = signal<ThreadState>({ messages: [], steps: {}, run: undefined })
  readonly isLoaded = signal(false)
  readonly hasEarlier = signal(false)
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
      this.#state.value = { messages: messages.data.toReversed(), steps: {}, run }
      this.hasEarlier.value = messages.has_more
      this.isLoaded.value = true
    })
    await this.#loadSteps(messages.data)
    if (run !== undefined && ACTIVE.includes(run.status)) await this.#follow(client.value.get(`/threads/${this.id}/runs/${run.id}/stream`, { stream: true }) as Promise<Stream<StreamEvent>>)
  }

  async loadEarlier (): Promise<void> {
    const first = this.messages.value[0]
    if (first === undefined) return
    const page = await client.value.beta.threads.messages.list(this.id, { limit: PAGE, after: first.id })
    this.#state.value = { ...this.#state.value, messages: [...page.data.toReversed(), ...this.messages.value] }
    this.hasEarlier.value = page.has_more
    await this.#loadSteps(page.data)
  }

  async #loadSteps (messages: readonly Message[]): Promise<void> {
    const runs = new Set(messages.flatMap(({ run_id: id }) => id ?? []).concat(this.run.value?.id ?? []))
    await Promise.all([...runs].map(async id => await this.loadStepsOf(id).catch(() => {})))
  }

  /** With the passages that searches found. */
  async loadStepsOf (runId: string): Promise<Step[]> {
    const { data } = await client.value.beta.threads.runs.steps.list(runId, { thread_id: this.id, limit: 100, order: 'asc', include: INCLUDE })
    this.#state.value = { ...this.#state.value, steps: { ...this.#state.value.steps, [runId]: data } }
    return data
  }

  /** Adds a message of the user and has the assistant answer. */
  async send (text: string, attachments: readonly Attachment[], assistant: Assistant): Promise<void> {
    this.isSending.value = true
    try {
      const uploaded = await Promise.all(attachments.map(async ({ file, isImage }) =>
        ({ isImage, id: (await client.value.files.create({ file, purpose: isImage ? 'vision' : 'assistants' })).id })))
      const content: OpenAI.Beta.Threads.MessageContentPartParam[] = [
        ...text === '' ? [] : [{ type: 'text' as const, text }],
        ...uploaded.filter(({ isImage }) => isImage).map(({ id }) => ({ type: 'image_file' as const, image_file: { file_id: id } }))
      ]
      const files = uploaded.filter(({ isImage }) => !isImage)
      const message = await client.value.beta.threads.messages.create(this.id, {
        role: 'user',
        content: content.length === 0 ? 'See the attached files.' : content,
        ...files.length === 0 ? {} : { attachments: files.map(({ id }) => ({ file_id: id, tools: [toolForFiles(assistant)] })) }
      })
      this.#state.value = { ...this.#state.value, messages: [...this.messages.value, message] }
      await this.start(assistant, files.length > 0)
    } finally {
      this.isSending.value = false
    }
  }

  /** A run of the messages as they are. `withFiles` gives the assistant file search for this run, if it has no tool that reads files. */
  async start (assistant: Assistant, withFiles = false): Promise<void> {
    const readsFiles = assistant.tools.some(({ type }) => type !== 'function')
    await this.#follow(client.value.beta.threads.runs.create(this.id, {
      assistant_id: assistant.id, stream: true, include: INCLUDE, ...withFiles && !readsFiles ? { tools: [...assistant.tools, { type: 'file_search' }] } : {}
    }))
  }

  async answer (run: Run, outputs: OpenAI.Beta.Threads.Runs.RunSubmitToolOutputsParams.ToolOutput[]): Promise<void> {
    await this.#follow(client.value.beta.threads.runs.submitToolOutputs(run.id, { thread_id: this.id, tool_outputs: outputs, stream: true }))
  }

  async stop (): Promise<void> {
    const run = this.run.value
    if (run === undefined) return
    const stopped = await client.value.beta.threads.runs.cancel(run.id, { thread_id: this.id })
    this.#state.value = { ...this.#state.value, run: stopped }
  }

  /** Deletes a message and all that follow it. */
  async cutFrom (message: Message): Promise<void> {
    const at = this.messages.value.findIndex(({ id }) => id === message.id)
    for (const { id } of this.messages.value.slice(at).toReversed()) await client.value.beta.threads.messages.delete(id, { thread_id: this.id })
    this.#state.value = { ...this.#state.value, messages: this.messages.value.slice(0, at) }
  }

  async #follow (stream: PromiseLike<Stream<StreamEvent>>): Promise<void> {
    try {
      for await (const event of await stream) this.#state.value = after(this.#state.value, event)
    } catch (error) {
      notifyError(error)
    }
    const run = this.run.value
    if (run === undefined) return
    // What a connection that broke off has kept from us, and the passages behind the citations.
    const current = await client.value.beta.threads.runs.retrieve(run.id, { thread_id: this.id }).catch(() => run)
    this.#state.value = { ...this.#state.value, run: current }
    await this.loadStepsOf(run.id).catch(() => {})
  }
}

function toolForFiles (assistant: Assistant): { type: 'file_search' } | { type: 'code_interpreter' } {
  const has = (type: string): boolean => assistant.tools.some(tool => tool.type === type)
  return has('code_interpreter') && !has('file_search') ? { type: 'code_interpreter' } : { type: 'file_search' }
}

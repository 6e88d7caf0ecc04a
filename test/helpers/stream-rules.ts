import { isDeepStrictEqual } from 'node:util'
import type { Frame } from './events.js'

interface OpenMessage {
  id: string
  content: any[]
}

interface OpenStep {
  id: string
  type: string
  messageId: string | undefined
  calls: any[]
}

/** What is known of a stream before its first frame. */
export interface StreamKind {
  /** It comes from `GET …/stream`. */
  isJoined: boolean
  /** It begins where another one broke off: then only its ids are looked at. */
  resumes: boolean
}

const RUN_STOPS = ['requires_action', 'completed', 'incomplete', 'failed', 'cancelled', 'expired']

/**
 * What holds in every stream, whatever the run does (docs/contract.md §8 and §9): the order that the SDKs' stream helpers
 * rely on, ids that appear once, contiguous indexes, and final objects that are the sum of their deltas.
 */
export class StreamRules {
  #count = 0
  #tag: string | undefined
  #last = -1
  readonly #kind: StreamKind
  #run: string | undefined
  #message: OpenMessage | undefined
  #step: OpenStep | undefined
  #ended = false
  #wasInterrupted = false
  readonly #ids = new Set<string>()

  constructor (kind: StreamKind) {
    this.#kind = kind
  }

  /** What is wrong with this frame at this place: a sentence each. */
  check ({ id, event, data }: Frame): string[] {
    const problems: string[] = []
    const must = (holds: boolean, sentence: string): void => { if (!holds) problems.push(sentence) }
    const first = this.#count++ === 0
    must((id !== undefined) === this.#kind.isJoined, 'frames have ids where a run is joined, and nowhere else')
    const [tag, number] = id?.split('-') ?? []
    must(id === undefined || first || (this.#tag === tag && this.#last + 1 === Number(number)), `the id ${id} does not follow ${this.#tag}-${this.#last}`)
    this.#tag = tag
    this.#last = Number(number)
    if (this.#kind.resumes) return problems
    must(!this.#ended, 'nothing follows done')
    must(!this.#wasInterrupted || event === 'done', 'nothing but done follows an error')
    const [, what, status] = /^thread\.(run\.step|run|message)\.(\w+)$/.exec(event) ?? []
    if (event === 'done') {
      must(data === '[DONE]', 'the data of done is [DONE]')
      this.#end(must)
    } else if (event === 'error') {
      must(isDeepStrictEqual(data, { ...data.error, error: data.error }), 'an error has its keys at the top and within `error`')
      this.#wasInterrupted = true
    } else if (event === 'thread.created') {
      must(first, 'thread.created is the first of all')
    } else if (what === 'run') {
      must(data.status === (status === 'created' ? 'queued' : status), `the run's status is ${data.status}`)
      must(this.#run === undefined || !RUN_STOPS.includes(this.#run), `a run event after ${this.#run}`)
      this.#run = status
    } else if (what === 'run.step') {
      this.#onStep(status!, data, first, must)
    } else if (what === 'message') {
      this.#onMessage(status!, data, must)
    }
    return problems
  }

  #end (must: Must): void {
    this.#ended = true
    if (this.#wasInterrupted) return
    must(this.#run !== undefined && RUN_STOPS.includes(this.#run), `done needs a terminal run event before it, not ${this.#run}`)
    must(this.#message === undefined, 'a message is still open at done')
    must(this.#step === undefined || this.#run === 'requires_action', 'a step is still open at done')
  }

  #onStep (status: string, data: any, first: boolean, must: Must): void {
    if (status === 'created') {
      must(this.#step === undefined, 'a step is created before the one before it has ended')
      must(!this.#ids.has(data.id), 'a step is created twice')
      must(data.status === 'in_progress' && data.usage === null, 'a new step is in progress, without usage')
      if (data.type === 'tool_calls') must(data.step_details.tool_calls.length === 0, 'a new step has no tool calls')
      this.#ids.add(data.id)
      this.#step = { id: data.id, type: data.type, messageId: data.step_details.message_creation?.message_id, calls: [] }
      return
    }
    const open = this.#step
    if (status === 'completed' && first) return // The stream after submit_tool_outputs ends the step of an earlier one.
    must(open?.id === data.id, 'the event is of a step that is not open')
    if (open === undefined) return
    if (status === 'delta') return this.#onStepDelta(open, data.delta, must)
    must(data.status === status, `the step's status is ${data.status}`)
    if (status === 'in_progress') return
    must(data.usage !== null, 'a step that has ended has its usage')
    if (data.type === 'tool_calls') {
      const made = (calls: any[]): unknown[] => calls.map(({ id, function: call, code_interpreter: code }) => [id, call?.name, call?.arguments, code])
      must(isDeepStrictEqual(made(data.step_details.tool_calls), made(open.calls)), 'the tool calls are not the sum of their deltas')
    }
    this.#step = undefined
  }

  #onStepDelta (open: OpenStep, delta: any, must: Must): void {
    must(!('id' in delta), 'a delta has no id within')
    must(delta.step_details.type === open.type && open.type === 'tool_calls', 'the delta is of the type of its step, and that is tool_calls')
    for (const { index, id, type, function: call, code_interpreter: code } of delta.step_details.tool_calls) {
      if (index === open.calls.length) {
        must(!this.#ids.has(id), 'a tool call appears twice')
        this.#ids.add(id)
        open.calls.push({ id, type, ...type === 'code_interpreter' ? { code_interpreter: structuredClone(code) } : { function: { ...call } } })
        if (type === 'code_interpreter') must(isDeepStrictEqual(code, { input: '', outputs: [] }), 'a code interpreter call begins with nothing')
        if (type === 'function') must(call.arguments === '' && call.output === null, 'a function call begins with empty arguments and no output')
      } else {
        must(open.calls[index] !== undefined, `the index ${index} is not the next one`)
        must(id === undefined && call?.name === undefined, 'id and name come once only')
        if (code !== undefined) addCode(open.calls[index]?.code_interpreter, code, must)
        else if (open.calls[index]?.function !== undefined) open.calls[index].function.arguments += call.arguments
      }
    }
  }

  #onMessage (status: string, data: any, must: Must): void {
    if (status === 'created') {
      must(this.#message === undefined, 'a message is created while one is open')
      must(!this.#ids.has(data.id), 'a message is created twice')
      must(this.#step?.messageId === data.id, 'the step that creates the message is not open')
      must(data.status === 'in_progress' && data.content.length === 0, 'a new message is in progress and empty')
      this.#ids.add(data.id)
      this.#message = { id: data.id, content: [] }
      return
    }
    const open = this.#message
    must(open?.id === data.id, 'the event is of a message that is not open')
    if (open === undefined) return
    if (status === 'delta') return this.#onMessageDelta(open, data.delta, must)
    must(data.status === status, `the message's status is ${data.status}`)
    if (status === 'in_progress') return
    const sum = open.content.length > 0 ? open.content : [{ type: 'text', text: '' }]
    must(isDeepStrictEqual(data.content.map(spoken), sum), 'the content is not the sum of its deltas')
    this.#message = undefined
  }

  #onMessageDelta (open: OpenMessage, delta: any, must: Must): void {
    for (const part of delta.content) {
      if (part.type === 'text') {
        must(typeof part.text.value === 'string', 'a delta of a text has a value')
        for (const { text } of part.text.annotations ?? []) must(part.text.value?.includes(text), 'an annotation comes in the delta of the passage that it annotates')
      }
      const begins = part.index === open.content.length
      const { type, text } = spoken(part)
      if (begins) {
        if (type === 'text') must(Array.isArray(part.text.annotations), 'the first delta of a text has its annotations')
        open.content.push({ type, text })
      } else {
        must(open.content[part.index]?.type === type, `the index ${part.index} is neither a part of this type nor the next one`)
        if (open.content[part.index] !== undefined && type !== 'image_file') open.content[part.index].text += text
      }
    }
  }
}

function addCode (call: any, { input = '', outputs = [] }: any, must: Must): void {
  call.input += input
  for (const { index, ...output } of outputs) {
    if (index === call.outputs.length) call.outputs.push(structuredClone(output))
    else {
      must(output.type === 'logs' && call.outputs[index]?.type === 'logs', 'only logs are appended to')
      call.outputs[index].logs += output.logs
    }
  }
}

type Must = (holds: boolean, sentence: string) => void

function spoken (part: any): { type: string, text: string } {
  return { type: part.type, text: part.text?.value ?? part.refusal ?? part.image_file?.file_id ?? '' }
}

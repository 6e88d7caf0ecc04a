import type { StepToolCall, StepToolCallDelta } from '../../../schemas/run-steps.js'

export type CodeCall = StepToolCall & { type: 'code_interpreter' }
export type CodeDelta = Omit<StepToolCallDelta & { type: 'code_interpreter' }, 'index'>
export type CodeOutput = CodeCall['code_interpreter']['outputs'][number]
type OutputDelta = NonNullable<NonNullable<CodeDelta['code_interpreter']>['outputs']>[number]

export interface OutputLimits {
  /** Characters of text that a step shows of one call. Default 1 Mi. */
  logLength: number
  /** Characters of text that the model reads of one call: half from the beginning, half from the end. Default 64,000. */
  modelLength: number
}

/** What a call has put out, as its step shows it and as the model reads it. */
export class Outputs {
  readonly #limits: OutputLimits
  readonly #shown: CodeOutput[] = []
  readonly #forModel: Excerpt
  /** A line break that may be the last: IPython shows none there, and a step does not either. */
  #held = ''
  #length = 0
  #isCut = false

  constructor (limits: OutputLimits) {
    this.#limits = limits
    this.#forModel = new Excerpt(limits.modelLength)
  }

  /** As the step shows them. */
  get shown (): CodeOutput[] {
    return this.#shown
  }

  get modelText (): string {
    return this.#forModel.text
  }

  /** Text that code has printed. Returns what readers are sent. */
  print (text: string): CodeDelta | undefined {
    const whole = this.#held + text
    const end = /\n?$/.exec(whole)?.index ?? whole.length
    this.#held = whole.slice(end)
    return this.#add(whole.slice(0, end))
  }

  /** Tells something of our own, on a line of its own. */
  note (text: string): CodeDelta | undefined {
    const isFirst = this.#shown.at(-1)?.type !== 'logs'
    this.#held = ''
    return this.#add(isFirst ? text : `\n${text}`)
  }

  image (fileId: string): CodeDelta {
    this.#held = ''
    this.#forModel.add('\n[An image, which the user sees.]\n')
    const index = this.#shown.push({ type: 'image', image: { file_id: fileId } }) - 1
    return toDelta({ index, type: 'image', image: { file_id: fileId } })
  }

  #add (text: string): CodeDelta | undefined {
    if (text === '') return undefined
    this.#forModel.add(text)
    if (this.#isCut) return undefined
    let shown = text
    if (this.#length + text.length > this.#limits.logLength) {
      this.#isCut = true
      shown = `${text.slice(0, this.#limits.logLength - this.#length)}\n[The output is longer than ${this.#limits.logLength} characters; the rest is not shown.]`
    }
    this.#length += shown.length
    const last = this.#shown.at(-1)
    if (last?.type === 'logs') last.logs += shown
    else this.#shown.push({ type: 'logs', logs: shown })
    return toDelta({ index: this.#shown.length - 1, type: 'logs', logs: shown })
  }
}

const toDelta = (output: OutputDelta): CodeDelta => ({ type: 'code_interpreter', code_interpreter: { outputs: [output] } })

/** The call with what a delta adds: of its outputs only, since its input is known when it runs. */
export function withDelta (call: CodeCall, { code_interpreter: added }: CodeDelta): CodeCall {
  const outputs = [...call.code_interpreter.outputs]
  for (const delta of added?.outputs ?? []) {
    const before = outputs[delta.index]
    if (delta.type === 'image') outputs[delta.index] = { type: 'image', image: { file_id: delta.image?.file_id ?? '' } }
    else outputs[delta.index] = { type: 'logs', logs: (before?.type === 'logs' ? before.logs : '') + (delta.logs ?? '') }
  }
  return { ...call, code_interpreter: { ...call.code_interpreter, outputs } }
}

/** The beginning and the end of a text. */
class Excerpt {
  readonly #half: number
  #head = ''
  #tail = ''
  #dropped = 0

  constructor (length: number) {
    this.#half = Math.floor(length / 2)
  }

  add (text: string): void {
    const room = this.#half - this.#head.length
    this.#head += text.slice(0, room)
    this.#tail += text.slice(Math.max(0, room))
    // Cut now and then, so that many small pieces cost no more than their length.
    if (this.#tail.length > 2 * this.#half) this.#cut()
  }

  get text (): string {
    this.#cut()
    return this.#dropped === 0 ? this.#head + this.#tail : `${this.#head}\n[… ${this.#dropped} characters left out …]\n${this.#tail}`
  }

  #cut (): void {
    const excess = this.#tail.length - this.#half
    if (excess <= 0) return
    this.#dropped += excess
    this.#tail = this.#tail.slice(excess)
  }
}

import { newId } from '../../shared/ids.js'
import type { ModelPart } from '../provider.js'
import { callExtras, type Opaque } from './opaque.js'

/** An entry of `delta.tool_calls`; nothing in it can be relied on. */
export interface CallFragment {
  index?: unknown
  id?: unknown
  function?: { name?: unknown, arguments?: unknown } | null
}

interface Call {
  /** Ours: 0, 1, ... in the order that they are announced, which waits for the name. */
  index: number
  vendorId: string
  id: string
  name: string
  /** Arguments that came before the name. */
  held: string
  empty: boolean
  /** The first fragment held complete arguments, so this vendor sends each call in one piece. */
  whole: boolean
  extras: Record<string, unknown> | undefined
}

/** Puts the fragments of one message's tool calls in order, for each way in which vendors mark them. */
export class CallTracker {
  readonly #calls: Call[] = []
  readonly #byVendorIndex = new Map<number, Call>()
  readonly #opaque: (call: Call['extras'], index: number) => Opaque | undefined
  #announced = 0

  /** `opaque` wraps what a call wants back. */
  constructor (opaque: (extras: Record<string, unknown> | undefined, index: number) => Opaque | undefined) {
    this.#opaque = opaque
  }

  get count (): number {
    return this.#calls.length
  }

  /** Appends the parts that a fragment makes. */
  add (fragment: CallFragment, parts: ModelPart[]): void {
    const name = text(fragment.function?.name)
    const json = argumentText(fragment.function?.arguments)
    const call = this.#callOf(fragment, name, json)
    const extras = callExtras(fragment)
    if (extras !== undefined) call.extras = { ...call.extras, ...extras }
    if (call.name === '') {
      call.held += json
      if (name === '') return
      call.name = name
      call.index = this.#announced++
      call.whole = isCompleteObject(call.held)
      parts.push({ type: 'tool_call', index: call.index, id: call.id, name, ...this.#wrapped(call) })
      this.#push(call, call.held, parts)
      return
    }
    if (extras === undefined) this.#push(call, json, parts)
    else {
      if (json !== '') call.empty = false
      parts.push({ type: 'tool_arguments', index: call.index, fragment: json, ...this.#wrapped(call) })
    }
  }

  /** Appends what is still owed at the end of the message: clients parse arguments, and '' does not parse. */
  end (parts: ModelPart[]): void {
    for (const call of this.#calls) {
      if (call.empty && call.name !== '') this.#push(call, '{}', parts)
    }
  }

  /** Tells again what the first call wants back, when that has changed since. */
  refreshFirst (parts: ModelPart[]): void {
    const first = this.#calls.find(call => call.index === 0)
    if (first !== undefined) parts.push({ type: 'tool_arguments', index: 0, fragment: '', ...this.#wrapped(first) })
  }

  /** False when a call never got a name, so that it cannot be made. */
  get complete (): boolean {
    return this.#calls.every(call => call.name !== '')
  }

  #push (call: Call, fragment: string, parts: ModelPart[]): void {
    if (fragment === '') return
    call.empty = false
    parts.push({ type: 'tool_arguments', index: call.index, fragment })
  }

  #wrapped (call: Call): { opaque?: Opaque } {
    const opaque = this.#opaque(call.extras, call.index)
    return opaque === undefined ? {} : { opaque }
  }

  #callOf (fragment: CallFragment, name: string, json: string): Call {
    const vendorIndex = typeof fragment.index === 'number' ? fragment.index : undefined
    const vendorId = text(fragment.id)
    const known = vendorIndex === undefined
      ? this.#calls.find(call => vendorId !== '' && call.vendorId === vendorId) ?? this.#calls.at(-1)
      : this.#byVendorIndex.get(vendorIndex)
    if (known !== undefined && !startsAnother(known, vendorId, name, json)) {
      known.vendorId ||= vendorId
      return known
    }
    const taken = this.#calls.some(call => call.id === vendorId)
    const call: Call = {
      index: -1,
      vendorId,
      id: vendorId === '' || taken ? newId.toolCall() : vendorId,
      name: '',
      held: '',
      empty: true,
      whole: false,
      extras: undefined
    }
    this.#calls.push(call)
    if (vendorIndex !== undefined) this.#byVendorIndex.set(vendorIndex, call)
    return call
  }
}

/**
 * Whether a named fragment that seems to belong to `call` begins another one: some vendors give every parallel call
 * the index 0 or none at all, and some repeat id and name on every fragment.
 */
function startsAnother (call: Call, vendorId: string, name: string, json: string): boolean {
  if (name === '' || call.name === '') return false
  if (vendorId !== '' && call.vendorId !== '') return vendorId !== call.vendorId
  if (name !== call.name) return true
  return call.whole && json !== ''
}

function isCompleteObject (json: string): boolean {
  if (!json.startsWith('{') || !json.endsWith('}')) return false
  try {
    JSON.parse(json)
    return true
  } catch {
    return false
  }
}

function argumentText (value: unknown): string {
  if (typeof value === 'string') return value
  return value === undefined || value === null ? '' : JSON.stringify(value)
}

function text (value: unknown): string {
  return typeof value === 'string' ? value : ''
}

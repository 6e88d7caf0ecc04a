/**
 * What some vendors give with a tool call and refuse to go on without: Gemini's thought signatures on the call
 * (`extra_content`), and on the message the thinking that led to it (DeepSeek's and Kimi's `reasoning_content`, OpenRouter's
 * `reasoning_details`). It travels through the engine as the call's `opaque`.
 */
export interface Opaque {
  /** `provider/model` that gave it: others would refuse what they do not know. */
  origin: Origin
  /** Keys of the call itself. */
  call?: Record<string, unknown>
  /** Keys of the assistant message; on its first call only. */
  message?: Record<string, unknown>
}

export type Origin = `${string}/${string}`

/** The keys of a call that are kept; others, such as a status, are not wanted back. */
const CALL_KEYS = ['extra_content', 'provider_specific_fields', 'thought_signature']
/** Longer thinking is not kept: it would weigh on the thread with every turn. */
const LONGEST_REASONING = 256 * 1024

/** `opaque` as it was given to the engine, if this origin gave it. */
export function opaqueFor (origin: Origin, opaque: unknown): Opaque | undefined {
  if (typeof opaque !== 'object' || opaque === null || !('origin' in opaque)) return undefined
  return opaque.origin === origin ? opaque as Opaque : undefined
}

export function callExtras (fragment: object): Record<string, unknown> | undefined {
  const kept = Object.entries(fragment).filter(([key, value]) => CALL_KEYS.includes(key) && value !== null && value !== undefined)
  return kept.length > 0 ? Object.fromEntries(kept) : undefined
}

/** Gathers the thinking of one message. */
export class Reasoning {
  #content = ''
  #details: Record<string, unknown>[] = []
  #length = 0

  /** True when the delta held some. */
  add (delta: Record<string, unknown>): boolean {
    const { reasoning_content: content, reasoning_details: details } = delta
    if (typeof content === 'string' && content !== '' && this.#fits(content)) this.#content += content
    else if (!Array.isArray(details) || details.length === 0) return false
    if (Array.isArray(details)) for (const detail of details) this.#addDetail(detail)
    return true
  }

  /** As keys of the message; undefined when there was none, or too much. */
  get keys (): Record<string, unknown> | undefined {
    if (this.#length === 0 || this.#length > LONGEST_REASONING) return undefined
    return {
      ...(this.#content !== '' ? { reasoning_content: this.#content } : {}),
      ...(this.#details.length > 0 ? { reasoning_details: this.#details.map(detail => ({ ...detail })) } : {})
    }
  }

  /** Details are streamed in pieces: those of one index and type belong together. */
  #addDetail (detail: unknown): void {
    if (typeof detail !== 'object' || detail === null || !this.#fits(JSON.stringify(detail))) return
    const piece = detail as Record<string, unknown>
    const last = this.#details.at(-1)
    if (last === undefined || last.type !== piece.type || last.index !== piece.index || piece.index === undefined) {
      this.#details.push({ ...piece })
      return
    }
    for (const [key, value] of Object.entries(piece)) {
      if (value === null || value === undefined) continue
      const grows = ['text', 'summary', 'data'].includes(key) && typeof last[key] === 'string'
      last[key] = grows ? `${last[key] as string}${value as string}` : value
    }
  }

  #fits (text: string): boolean {
    this.#length += text.length
    return this.#length <= LONGEST_REASONING
  }
}

import { UpstreamError, vendorError, type VendorError } from '../http/failure.js'
import type { ChatBody } from './request.js'

/**
 * Fields that a vendor or one of its models may refuse although a request is good without them: reasoning models take
 * no temperature, older servers no stream options. Failing every run of an application for that helps nobody.
 */
const OPTIONAL_FIELDS = ['stream_options', 'parallel_tool_calls', 'temperature', 'top_p', 'reasoning_effort', 'max_tokens', 'max_completion_tokens'] as const
const RENAMED: Partial<Record<string, string>> = { max_tokens: 'max_completion_tokens', max_completion_tokens: 'max_tokens' }
/** DeepSeek wants thinking back on messages that had none to keep; it takes an empty one. */
const REASONING = 'reasoning_content'

const REFUSAL = /unsupported|not supported|does(?: not|n't) support|unknown|unrecognized|unexpected|extra_forbidden|extra (?:inputs|fields)|not permitted|not allowed/i
const MISSING = /missing|must be passed back/i
/** What is refused is the value that this request has, not the field. */
const VALUE = /value/i
const ONLY_DEFAULT = /only the default/i
/** Enough for every model of a vendor; the names come from requests, so they must not add up for ever. */
const MOST_MODELS = 500
/** Refused values of one model: users choose them. */
const MOST_CHANGES = 50

/** A field to do without, or to do without while it has one value (JSON). */
interface AdaptedField {
  field: string
  value?: string
}

/**
 * Remembers, per model, which optional fields a vendor refused, so that it is asked without them from then on. All tenants share what is
 * learned, so nothing is learned from text that one of them chose, and nothing from a request that fails without the field, too.
 */
export class Adaptations {
  readonly #known = new Map<string, Map<string, AdaptedField>>()

  /** A request and what becomes of it. */
  attempt (body: ChatBody): Attempt {
    const known = [...this.#known.get(body.model)?.values() ?? []]
    return new Attempt(body, known, learned => this.#remember(body.model, learned))
  }

  #remember (model: string, learned: readonly AdaptedField[]): void {
    const known = this.#known.get(model) ?? new Map<string, AdaptedField>()
    for (const change of learned) known.set(keyOf(change), change)
    dropOldest(known, MOST_CHANGES)
    // The models that are in use stay.
    this.#known.delete(model)
    this.#known.set(model, known)
    dropOldest(this.#known, MOST_MODELS)
  }
}

export class Attempt {
  readonly #original: ChatBody
  readonly #known: readonly AdaptedField[]
  readonly #learned: AdaptedField[] = []
  readonly #remember: (learned: readonly AdaptedField[]) => void

  constructor (body: ChatBody, known: readonly AdaptedField[], remember: (learned: readonly AdaptedField[]) => void) {
    this.#original = body
    this.#known = known
    this.#remember = remember
  }

  /** What to send now. */
  get body (): ChatBody {
    const adapted = { ...this.#original }
    for (const change of [...this.#known, ...this.#learned]) adapt(adapted, change)
    return adapted
  }

  /** True when `failure` names a field of the body to do without: the request is worth another try at once. */
  isWorthAnother (failure: unknown): boolean {
    if (!(failure instanceof UpstreamError) || (failure.status !== 400 && failure.status !== 422)) return false
    const change = refused(vendorError(failure.body), failure.body, this.body)
    if (change === undefined || this.#learned.some(learned => learned.field === change.field)) return false
    this.#learned.push(change)
    return true
  }

  /** The vendor has taken the request as it was sent. */
  succeeded (): void {
    if (this.#learned.length > 0) this.#remember(this.#learned)
  }
}

function refused (error: VendorError, text: string, body: ChatBody): AdaptedField | undefined {
  const isTold = (field: string): boolean => error.param === field || (error.param === undefined && isVendorsWord(field, text, body))
  if (MISSING.test(text) && isTold(REASONING)) return { field: REASONING }
  if (!REFUSAL.test(`${error.code ?? ''} ${text}`)) return undefined
  const field = OPTIONAL_FIELDS.find(field => body[field] !== undefined && isTold(field))
  if (field === undefined) return undefined
  const isOfValue = VALUE.test(`${error.code ?? ''} ${error.message}`) && !ONLY_DEFAULT.test(error.message)
  return isOfValue ? { field, value: JSON.stringify(body[field]) } : { field }
}

/**
 * Whether an error speaks of a field where the vendor does not say which parameter it means. Vendors quote prompts, names of functions
 * and what they found behind an image's URL. So the word counts only when nothing that the user has written can be where it comes from.
 */
function isVendorsWord (field: string, text: string, body: ChatBody): boolean {
  if (!new RegExp(`(?<!\\w)${field}(?!\\w)`).test(text)) return false
  const { messages, model, tools, tool_choice: choice, response_format: format } = body
  const users = JSON.stringify([messages.map(withoutOurs), model, tools, choice, format])
  return !users.toLowerCase().includes(field) && !users.includes('"image_url"')
}

/** A message without the fields that only this server writes. */
function withoutOurs ({ [REASONING]: _ours, ...message }: Record<string, unknown>): Record<string, unknown> {
  return message
}

function adapt (body: ChatBody, { field, value }: AdaptedField): void {
  if (field === REASONING) {
    body.messages = body.messages.map(message => message.role === 'assistant' ? { [REASONING]: '', ...message } : message)
    return
  }
  if (value !== undefined && JSON.stringify(body[field]) !== value) return
  const renamed = RENAMED[field]
  if (renamed !== undefined && body[field] !== undefined) body[renamed] = body[field]
  delete body[field]
}

const keyOf = ({ field, value }: AdaptedField): string => value === undefined ? field : `${field}=${value}`

function dropOldest (map: Map<string, unknown>, most: number): void {
  const [oldest] = map.keys()
  if (map.size > most && oldest !== undefined) map.delete(oldest)
}

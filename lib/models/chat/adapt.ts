import { UpstreamError } from '../http/failure.js'
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
/** Enough for every model of a vendor; the names come from requests, so they must not add up for ever. */
const MOST_MODELS = 500

/** Remembers, per model, which optional fields a vendor refused, so that it is asked without them from then on. */
export class Adaptations {
  readonly #known = new Map<string, Set<string>>()

  apply (body: ChatBody): ChatBody {
    const known = this.#known.get(body.model)
    if (known === undefined) return body
    const adapted = { ...body }
    for (const field of known) adapt(adapted, field)
    return adapted
  }

  /** True when `failure` names a field of `body` to do without: the request is worth another try at once. */
  learn (failure: unknown, body: ChatBody): boolean {
    if (!(failure instanceof UpstreamError) || (failure.status !== 400 && failure.status !== 422)) return false
    const field = refusedField(failure.body, body)
    if (field === undefined) return false
    const known = this.#known.get(body.model) ?? new Set()
    if (known.has(field)) return false
    if (this.#known.size >= MOST_MODELS) this.#known.clear()
    this.#known.set(body.model, known.add(field))
    return true
  }
}

function refusedField (text: string, body: ChatBody): string | undefined {
  if (text.includes(REASONING) && MISSING.test(text)) return REASONING
  if (!REFUSAL.test(text)) return undefined
  return OPTIONAL_FIELDS.find(field => body[field] !== undefined && new RegExp(`(?<!\\w)${field}(?!\\w)`).test(text))
}

function adapt (body: ChatBody, field: string): void {
  if (field === REASONING) {
    body.messages = body.messages.map(message => message.role === 'assistant' ? { [REASONING]: '', ...message } : message)
    return
  }
  const renamed = RENAMED[field]
  if (renamed !== undefined && body[field] !== undefined) body[renamed] = body[field]
  delete body[field]
}

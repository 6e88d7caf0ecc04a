import { matches } from '../shared/wildcard.js'
import type { Amounts } from './ledger.js'

/** What a model costs, in US dollars for a million tokens. */
export interface Price {
  input: number
  /** Input that the vendor had in its cache. Default: as other input. */
  cachedInput?: number
  /** Default 0, as for embeddings. */
  output?: number
}

/** By the name of the model as `GET /models` has it, exact or with `*`; of several patterns the first one counts. */
export type Prices = Readonly<Record<string, Price>>

const FIELDS: readonly string[] = ['input', 'cachedInput', 'output'] satisfies (keyof Price)[]

/** Throws a TypeError for what is no price. */
export function checkedPrices (prices: Prices = {}): Prices {
  if (typeof prices !== 'object' || prices === null || Array.isArray(prices)) throw new TypeError('Option "prices" must be an object with a price for each model.')
  for (const [model, price] of Object.entries<unknown>(prices)) {
    if (typeof price !== 'object' || price === null) throw new TypeError(`Option "prices", model "${model}", must be { input, cachedInput?, output? } in US dollars for a million tokens.`)
    for (const [name, value] of Object.entries(price)) {
      if (!FIELDS.includes(name)) throw new TypeError(`Option "prices", model "${model}", has an unknown field "${name}"; there are: ${FIELDS.join(', ')}.`)
      if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw new TypeError(`Option "prices", model "${model}", must have ${name} as a number, 0 or more.`)
    }
    if (!('input' in price)) throw new TypeError(`Option "prices", model "${model}", must have input as a number, 0 or more.`)
  }
  return prices
}

const MILLION = 1_000_000

/** In US dollars; undefined for a model without a price. */
export function costOf (prices: Prices, model: string, { inputTokens, cachedTokens, outputTokens }: Pick<Amounts, 'inputTokens' | 'cachedTokens' | 'outputTokens'>): number | undefined {
  const name = Object.hasOwn(prices, model) ? model : Object.keys(prices).find(pattern => pattern.includes('*') && matches(pattern, model))
  if (name === undefined) return undefined
  const { input, cachedInput = input, output = 0 } = prices[name] as Price
  const cached = Math.min(cachedTokens, inputTokens)
  return ((inputTokens - cached) * input + cached * cachedInput + outputTokens * output) / MILLION
}

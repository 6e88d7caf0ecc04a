import { Type, type Static } from '@sinclair/typebox'
import { closedObject, literals, nullable } from './common.js'

/** Days in one answer. */
export const MOST_BUCKETS = 31

const range = {
  /** Unix seconds; the day that they are in is the first one. */
  start_time: Type.Integer({ minimum: 0, maximum: 253_402_300_799 }),
  /** Unix seconds, exclusive. Now when absent. */
  end_time: Type.Optional(Type.Integer({ minimum: 0, maximum: 253_402_300_799 })),
  /** There are days alone. */
  bucket_width: Type.Optional(literals(['1d'])),
  project_ids: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 100 })),
  api_key_ids: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 100 })),
  /** `next_page` of the answer before. */
  page: Type.Optional(Type.String({ pattern: '^page_\\d{1,12}$' })),
  /** Days in one answer; 7 when absent. */
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_BUCKETS }))
}

/** `GET /organization/usage/completions` (API reference, "Usage"). */
export const UsageQuery = closedObject({
  ...range,
  models: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 100 })),
  group_by: Type.Optional(Type.Array(literals(['project_id', 'api_key_id', 'model'])))
})
export type UsageQuery = Static<typeof UsageQuery>

/** `GET /organization/costs` (API reference, "Costs"). */
export const CostsQuery = closedObject({ ...range, group_by: Type.Optional(Type.Array(literals(['project_id', 'api_key_id', 'line_item']))) })
export type CostsQuery = Static<typeof CostsQuery>

export const UsageResult = Type.Object({
  object: Type.Literal('organization.usage.completions.result'),
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
  input_cached_tokens: Type.Integer(),
  input_audio_tokens: Type.Literal(0),
  output_audio_tokens: Type.Literal(0),
  num_model_requests: Type.Integer(),
  /** Ours alone: runs that have ended. */
  num_runs: Type.Integer(),
  project_id: nullable(Type.String()),
  user_id: Type.Null(),
  /** The key's name. */
  api_key_id: nullable(Type.String()),
  model: nullable(Type.String()),
  batch: Type.Null()
})
export type UsageResult = Static<typeof UsageResult>

export const CostsResult = Type.Object({
  object: Type.Literal('organization.costs.result'),
  amount: Type.Object({ value: Type.Number(), currency: Type.Literal('usd') }),
  /** The model. */
  line_item: nullable(Type.String()),
  project_id: nullable(Type.String()),
  api_key_id: nullable(Type.String())
})
export type CostsResult = Static<typeof CostsResult>

const page = <T extends typeof UsageResult | typeof CostsResult>(result: T) => Type.Object({
  object: Type.Literal('page'),
  data: Type.Array(Type.Object({ object: Type.Literal('bucket'), start_time: Type.Integer(), end_time: Type.Integer(), results: Type.Array(result) })),
  has_more: Type.Boolean(),
  next_page: nullable(Type.String())
})

export const UsagePage = page(UsageResult)
export type UsagePage = Static<typeof UsagePage>
export const CostsPage = page(CostsResult)
export type CostsPage = Static<typeof CostsPage>

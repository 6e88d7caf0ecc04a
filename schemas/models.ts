import { Type, type Static } from '@sinclair/typebox'
import { closedObject, UnixTime } from './common.js'

/** API reference, "The model object". */
export const Model = Type.Object({
  id: Type.String(),
  object: Type.Literal('model'),
  /** 0 when the provider does not tell. */
  created: UnixTime,
  owned_by: Type.String()
})
export type Model = Static<typeof Model>

/** `GET /models`: the one list without pages. */
export const ListModelsResponse = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(Model)
})
export type ListModelsResponse = Static<typeof ListModelsResponse>

/** The path of one model. */
export const ModelParams = closedObject({ model: Type.String() })
export type ModelParams = Static<typeof ModelParams>

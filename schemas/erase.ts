import { Type, type Static } from '@sinclair/typebox'
import { closedObject } from './common.js'

const Count = Type.Integer({ minimum: 0 })

/** `POST /threads/{thread_id}/erase`, which the API does not have. */
export const EraseThreadRequest = closedObject({
  /** Which files go with the thread: those that its runs have made (the default), or those attached to its messages too. */
  files: Type.Optional(Type.Union([Type.Literal('made'), Type.Literal('all')]))
})
export type EraseThreadRequest = Static<typeof EraseThreadRequest>

export const ErasedThread = Type.Object({
  id: Type.String(),
  object: Type.Literal('thread.erased'),
  erased: Type.Object({ files: Count, vector_stores: Count })
})
export type ErasedThread = Static<typeof ErasedThread>

/** `POST /project/erase`, which the API does not have. */
export const EraseProjectRequest = closedObject({
  /** The name of the key's project, so that it is not done by mistake. */
  project: Type.String({ minLength: 1, maxLength: 512 })
})
export type EraseProjectRequest = Static<typeof EraseProjectRequest>

export const ErasedProject = Type.Object({
  id: Type.String(),
  object: Type.Literal('project.erased'),
  erased: Type.Object({ assistants: Count, threads: Count, vector_stores: Count, uploads: Count, files: Count })
})
export type ErasedProject = Static<typeof ErasedProject>

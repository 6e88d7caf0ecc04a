import { Type, type TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { Assistant } from '../../schemas/assistants.js'
import { FileObject } from '../../schemas/files.js'
import { Message } from '../../schemas/messages.js'
import { RunStep } from '../../schemas/run-steps.js'
import { Run } from '../../schemas/runs.js'
import { Thread } from '../../schemas/threads.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import { wireAssistant, wireThread } from '../../storage/thread-storage/wire.js'
import { isActive } from '../dialects/assistants/state.js'
import { taskRecordId, type ScheduledTask } from '../schedule/scheduled-tasks.js'
import { cleanFilename } from '../files/filename.js'
import { BadLineError, type BytesLine, type RecordLine } from './lines.js'
import { withoutNulls, wireMessage, wireRun, wireStep, type PlainObject } from './wire-objects.js'

export type { PlainObject } from './wire-objects.js'

/** What an object becomes. */
export interface PlainRecords {
  bytes: BytesLine[]
  records: RecordLine[]
  /** A thread that must be there already. */
  needsThread?: string
}

/** Objects of one second are ordered by their place in the input. */
const PLACES_IN_A_SECOND = 2 ** 21

/** Throws a `BadLineError` for an object that has no id or no time. */
export function requireIdentity ({ id, created_at: createdAt }: PlainObject): { id: string, createdAt: number } {
  if (typeof id !== 'string' || !/^[\w-]{1,255}$/.test(id)) throw new BadLineError('an object without an id')
  if (typeof createdAt !== 'number' || !Number.isInteger(createdAt) || createdAt < 0 || createdAt >= 2 ** 31) throw new BadLineError(`${id} has no created_at in unix seconds`)
  return { id, createdAt }
}

/**
 * The records of an assistant, file, thread, message, run or run step that was saved from the original API, under its own id. Lists are
 * in order of `created_at`, then of the input, wherever in the input the objects stand. Throws a `BadLineError`.
 *
 * @param place where the object stands in the input, counted from 1.
 */
export function plainRecords (object: PlainObject, project: string, place: number): PlainRecords {
  const { id, createdAt } = requireIdentity(object)
  const position = createdAt * PLACES_IN_A_SECOND + place % PLACES_IN_A_SECOND
  const record = (partition: string, kind: string, body: unknown, parent?: string): RecordLine =>
    ({ object: 'openai_compat.record', project, partition, kind, id, ...parent === undefined ? {} : { parent }, position, body })

  switch (object.object) {
    case 'assistant':
      return { bytes: [], records: [record(PARTITION.assistants, KIND.assistant, checked(Assistant, wireAssistant(id, withoutNulls(object) as never)))] }
    case 'thread':
      return { bytes: [], records: [record(id, KIND.thread, checked(Thread, wireThread(id, withoutNulls(object) as never)))] }
    case 'thread.message': {
      const message = checked(Message, wireMessage(object, createdAt))
      if (message.status === 'in_progress') throw new BadLineError(`${id} is still being written`)
      const index = message.run_id === null ? [] : [record(message.thread_id, KIND.runMessage, {}, message.run_id)]
      return { bytes: [], records: [record(message.thread_id, KIND.message, message), ...index], needsThread: message.thread_id }
    }
    case 'thread.run': {
      const run = checked(Run, wireRun(object))
      // The server that executes it has more of it than it gives out.
      if (isActive(run.status)) throw new BadLineError(`${id} is ${run.status}: only runs that have ended are imported`)
      return { bytes: [], records: [record(run.thread_id, KIND.run, run)], needsThread: run.thread_id }
    }
    case 'thread.run.step': {
      const step = checked(RunStep, wireStep(object))
      if (step.status === 'in_progress') throw new BadLineError(`${id} is in_progress: only steps that have ended are imported`)
      return { bytes: [], records: [record(step.thread_id, KIND.step, step, step.run_id)], needsThread: step.thread_id }
    }
    case 'file': {
      const { content, ...rest } = object
      const file = checked(FileObject, { expires_at: null, status_details: null, ...rest, status: 'processed', filename: cleanFilename(String(object.filename ?? '')) })
      const expiry = file.expires_at === null ? [] : [taskLine(record(PARTITION.files, KIND.scheduledTask, undefined), { task: 'file', id, at: file.expires_at })]
      return {
        bytes: content === undefined ? [] : contentLines(project, id, content),
        records: [record(PARTITION.files, KIND.file, file), record(PARTITION.files, KIND.fileOfPurpose, file, file.purpose), ...expiry]
      }
    }
    default:
      throw new BadLineError(typeof object.object === 'string'
        ? `objects of the type "${object.object}" are not imported: assistant, file, vector_store, vector_store.file, thread, thread.message, thread.run and thread.run.step are`
        : 'neither a line of an export nor an object of the API')
  }
}

function taskLine (line: RecordLine, task: ScheduledTask): RecordLine {
  return { ...line, id: taskRecordId(task), body: task }
}

const cleanables = new WeakMap<object, TSchema>()

/** A schema with which `Value.Clean` keeps what is in an object that may hold anything: `true` in `additionalProperties` would empty it. */
function cleanable (schema: TSchema): TSchema {
  const opened = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(opened)
    if (typeof node !== 'object' || node === null) return node
    // The symbols of TypeBox go along.
    return { ...node, ...Object.fromEntries(Object.entries(node).map(([key, value]) => [key, key === 'additionalProperties' && value === true ? Type.Unknown() : opened(value)])) }
  }
  const known = cleanables.get(schema) ?? opened(schema) as TSchema
  cleanables.set(schema, known)
  return known
}

/** The body with the keys that the API's object has, and no others. Throws for the first thing that does not fit. */
export function checked<T extends TSchema> (schema: T, body: unknown): T['static'] {
  const clean = Value.Clean(cleanable(schema), structuredClone(body))
  const error = Value.Errors(schema, clean).First()
  if (error !== undefined) throw new BadLineError(`${error.path.slice(1).replaceAll('/', '.') || 'the object'}: ${error.message.toLowerCase()}`)
  return clean as T['static']
}

/** Bytes of a file that came with its object. */
function contentLines (project: string, id: string, content: unknown): BytesLine[] {
  if (typeof content !== 'string') throw new BadLineError('content: expected base64')
  const line = (offset: number, data: string) => ({ object: 'openai_compat.bytes' as const, project, id, offset, data })
  return [line(0, content), { ...line(Buffer.from(content, 'base64').length, ''), end: true }]
}

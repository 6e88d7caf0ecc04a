import type { TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { Assistant } from '../../schemas/assistants.js'
import { FileObject } from '../../schemas/files.js'
import { Message } from '../../schemas/messages.js'
import { Thread } from '../../schemas/threads.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import { wireAssistant, wireThread } from '../../storage/thread-storage/wire.js'
import { taskRecordId, type ScheduledTask } from '../schedule/scheduled-tasks.js'
import { cleanFilename } from '../files/filename.js'
import { BadLineError, type BytesLine, type RecordLine } from './lines.js'

/** An object as the original API gave it out. */
export type PlainObject = Record<string, unknown> & { object?: unknown, id?: unknown, created_at?: unknown }

/** What an object becomes. */
export interface PlainRecords {
  bytes: BytesLine[]
  records: RecordLine[]
  /** A thread that must be there already. */
  needsThread?: string
}

/** Objects of one second are ordered by their place in the input. */
const PLACES_IN_A_SECOND = 2 ** 21

/**
 * The records of an assistant, thread, message or file that was saved from the original API, under its own id. Lists are
 * in order of `created_at`, then of the input, wherever in the input the objects stand. Throws a `BadLineError`.
 *
 * @param place where the object stands in the input, counted from 1.
 */
export function plainRecords (object: PlainObject, project: string, place: number): PlainRecords {
  const { id, created_at: createdAt } = object
  if (typeof id !== 'string' || !/^[\w-]{1,255}$/.test(id)) throw new BadLineError('an object without an id')
  if (typeof createdAt !== 'number' || !Number.isInteger(createdAt) || createdAt < 0 || createdAt >= 2 ** 31) throw new BadLineError(`${id} has no created_at in unix seconds`)
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
      const index = message.run_id === null ? [] : [record(message.thread_id, KIND.runMessage, {}, message.run_id)]
      return { bytes: [], records: [record(message.thread_id, KIND.message, message), ...index], needsThread: message.thread_id }
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
        ? `objects of the type "${object.object}" are not imported: assistant, thread, thread.message and file are`
        : 'neither a line of an export nor an object of the API')
  }
}

function taskLine (line: RecordLine, task: ScheduledTask): RecordLine {
  return { ...line, id: taskRecordId(task), body: task }
}

/** Answers of the real API leave keys of messages out that others of its answers have. */
function wireMessage (object: PlainObject, createdAt: number): unknown {
  return {
    status: 'completed',
    incomplete_details: null,
    completed_at: createdAt,
    incomplete_at: null,
    assistant_id: null,
    run_id: null,
    attachments: [],
    ...object,
    ...object.attachments === null ? { attachments: [] } : {},
    metadata: object.metadata ?? {}
  }
}

/** Keys that say nothing give way to their defaults. */
function withoutNulls (object: PlainObject): PlainObject {
  const kept = Object.entries(object).filter(([key, value]) => value !== null || ['name', 'description', 'instructions', 'reasoning_effort'].includes(key))
  return { name: null, instructions: null, tools: [], metadata: {}, ...Object.fromEntries(kept) } as PlainObject
}

/** The body with the keys that the API's object has, and no others. Throws for the first thing that does not fit. */
function checked<T extends TSchema> (schema: T, body: unknown): T['static'] {
  const clean = Value.Clean(schema, structuredClone(body))
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

import type { PlainObject } from '../wire-objects.js'
import { isObject, parsed } from './values.js'

/**
 * What the stores of `@cogitator-ai/openai-compat` hold: values of its Redis keys, or rows of its PostgreSQL table (`type`, `id`, `data`).
 * A thread has its messages with it; an assistant and a file have no `object`, and a file its bytes in base64. It keeps no runs.
 */
export function cogitatorObjects (given: PlainObject): PlainObject[] | undefined {
  const { type, data } = given
  if (given.object === undefined && (type === 'thread' || type === 'assistant' || type === 'file') && data !== undefined) {
    const value = parsed(data)
    return isObject(value) ? cogitatorObjects(value) : undefined
  }
  const { thread, messages, id, model, content, filename } = given
  if (isObject(thread) && thread.object === 'thread' && Array.isArray(messages)) return [thread, ...messages.filter(isObject)]
  if (given.object !== undefined || typeof id !== 'string') return undefined
  if (id.startsWith('asst') && typeof model === 'string') return [{ ...given, object: 'assistant' }]
  if (id.startsWith('file') && typeof content === 'string' && typeof filename === 'string') {
    return [{ purpose: 'assistants', ...given, object: 'file', bytes: Buffer.from(content, 'base64').length }]
  }
  return undefined
}

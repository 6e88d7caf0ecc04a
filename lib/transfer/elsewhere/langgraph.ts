import type { PlainObject } from '../wire-objects.js'
import { asMetadata, asSeconds, isObject } from './values.js'

/**
 * Threads and assistants as a LangGraph server gives them out (`/threads/search`, `/threads/{id}/state`, `/assistants/search`). Their ids get
 * the prefixes of the API. Of the state of a thread only `messages` has a counterpart, and of those what people and the model said:
 * a message of an Assistants thread knows no calls of tools.
 */
export function langGraphObjects (given: PlainObject): PlainObject[] | undefined {
  if (given.object !== undefined) return undefined
  if (typeof given.assistant_id === 'string' && typeof given.graph_id === 'string') return [assistant(given)]
  if (!('values' in given)) return undefined
  const id = threadIdOf(given)
  return id === undefined ? undefined : thread(given, id)
}

/** Of a thread, of its state as the server has it, and of a state as the library has it. */
function threadIdOf ({ thread_id: id, checkpoint, config }: PlainObject): string | undefined {
  const configurable = isObject(config) ? config.configurable : undefined
  const found = [id, isObject(checkpoint) ? checkpoint.thread_id : undefined, isObject(configurable) ? configurable.thread_id : undefined]
  return found.find((candidate): candidate is string => typeof candidate === 'string' && candidate !== '')
}

/** Ids there are any text, here letters, digits, underscores and dashes. */
const named = (prefix: string, id: string): string => `${id.startsWith(prefix) ? '' : prefix}${id.replace(/[^\w-]/g, '_')}`.slice(0, 255)

/** The prompt and often the model are code there: what can be had of them stands in the configuration. */
function assistant ({ assistant_id: id, graph_id: graph, created_at: createdAt, name, description, metadata, config, context }: PlainObject): PlainObject {
  const settings = { ...isObject(config) && isObject(config.configurable) ? config.configurable : {}, ...isObject(context) ? context : {} }
  const setting = (...names: string[]): string | undefined => names.map(key => settings[key]).find((value): value is string => typeof value === 'string' && value !== '')
  return {
    object: 'assistant',
    id: named('asst_', id as string),
    created_at: asSeconds(createdAt),
    name: typeof name === 'string' ? name : null,
    description: typeof description === 'string' ? description : null,
    model: setting('model', 'model_name') ?? graph,
    instructions: setting('system_prompt', 'instructions', 'system_message', 'prompt') ?? null,
    tools: [],
    metadata: asMetadata({ graph_id: graph, ...isObject(metadata) ? metadata : {} })
  }
}

function thread (given: PlainObject, givenId: string): PlainObject[] {
  const id = named('thread_', givenId)
  const createdAt = asSeconds(given.created_at)
  const messages = isObject(given.values) && Array.isArray(given.values.messages) ? given.values.messages as unknown[] : []
  return [
    { object: 'thread', id, created_at: createdAt, metadata: asMetadata(given.metadata) },
    ...messages.flatMap((message, i) => {
      // `messages_to_dict` puts everything but the type into `data`.
      const fields = isObject(message) ? { ...message, ...isObject(message.data) ? message.data : {} } : {}
      const role = ROLES[String(fields.type === 'chat' ? fields.role : fields.type ?? fields.role)]
      const content = (Array.isArray(fields.content) ? fields.content as unknown[] : [fields.content]).flatMap(part)
      if (role === undefined || content.length === 0) return []
      const { id: messageId } = fields
      return [{
        object: 'thread.message',
        id: named('msg_', typeof messageId === 'string' && messageId !== '' ? messageId : `${givenId}_${i}`),
        created_at: createdAt,
        thread_id: id,
        role,
        content
      }]
    })
  ]
}

const ROLES: Record<string, 'user' | 'assistant'> = { human: 'user', HumanMessageChunk: 'user', user: 'user', ai: 'assistant', AIMessageChunk: 'assistant', assistant: 'assistant' }

/** Texts and images; what else models and vendors put there is theirs. */
function part (given: unknown): object[] {
  if (typeof given === 'string') return given === '' ? [] : [text(given)]
  if (!isObject(given)) return []
  if (given.type === 'text' && typeof given.text === 'string') return given.text === '' ? [] : [text(given.text)]
  const url = imageUrl(given)
  return url === undefined ? [] : [{ type: 'image_url', image_url: { url } }]
}

const text = (value: string): object => ({ type: 'text', text: { value, annotations: [] } })

function imageUrl ({ type, image_url: image, url, base64, data, mime_type: mediaType }: Record<string, unknown>): string | undefined {
  const bytes = typeof base64 === 'string' ? base64 : data
  const found = type === 'image_url'
    ? isObject(image) ? image.url : image
    : type !== 'image'
      ? undefined
      : typeof bytes === 'string' ? `data:${typeof mediaType === 'string' ? mediaType : 'image/png'};base64,${bytes}` : url
  return typeof found === 'string' && /^(?:https?:\/\/|data:image\/)/i.test(found) ? found : undefined
}

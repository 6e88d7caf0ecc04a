import type { Readable } from 'node:stream'
import type { FileObject } from '../../../schemas/files.js'
import { eachPart, streamBatches } from '../../models/batches.js'
import type { ModelContentPart, ModelMessage, ModelPart, ModelProvider, ModelRequest, StreamOptions } from '../../models/provider.js'
import type { ModelRegistry, ResolvedModel } from '../../models/registry.js'

/** An image as a prompt holds it: only which file it is. Its bytes come when the model is called. */
export type StoredImage = Extract<ModelContentPart, { type: 'image_url' }> & { file: { project: string, id: string } }

/** As a message names it. */
interface ImageFile {
  file_id: string
  detail?: 'auto' | 'low' | 'high'
}

export function storedImage (project: string, { file_id: id, detail }: ImageFile): StoredImage {
  return { type: 'image_url', url: '', ...detail === undefined ? {} : { detail }, file: { project, id } }
}

/** What is needed of one project's files. */
export interface ImageFiles {
  find (id: string): Promise<FileObject | undefined>
  open (id: string): Promise<Readable>
}

export interface ImageSettings {
  files (project: string): ImageFiles
  /** Bytes of one image; a larger one is not sent. */
  maxBytes: number
}

/** Of all images of one prompt together, as a multiple of one: the newest go first. */
const IMAGES_AT_ONCE = 3

/**
 * Models that are given the images of a prompt as `data:` URLs, which every vendor takes: our file ids mean nothing to
 * them. The bytes are read for each call, so that a run which waits holds none.
 */
export function withImages (models: Pick<ModelRegistry, 'resolve'>, settings: ImageSettings): Pick<ModelRegistry, 'resolve'> {
  return {
    resolve (name): ResolvedModel {
      const resolved = models.resolve(name)
      const { provider } = resolved
      const inBatches: NonNullable<ModelProvider['streamBatches']> = (request, options) =>
        request.messages.some(hasStored) ? withLoaded(provider, request, options, settings) : streamBatches(provider, request, options)
      const stream: ModelProvider['stream'] = (request, options) => eachPart(inBatches(request, options), options.signal)
      return { ...resolved, provider: { stream, streamBatches: inBatches, models: async options => await provider.models(options) } }
    }
  }
}

async function * withLoaded (provider: ModelProvider, request: ModelRequest, options: StreamOptions, settings: ImageSettings): AsyncGenerator<readonly ModelPart[], void, undefined> {
  yield * streamBatches(provider, { ...request, messages: await loadImages(request.messages, settings) }, options)
}

const hasStored = ({ role, content }: ModelMessage): boolean => role === 'user' && typeof content !== 'string' && content.some(isStored)

async function loadImages (messages: readonly ModelMessage[], settings: ImageSettings): Promise<ModelMessage[]> {
  const loaded: ModelMessage[] = []
  let left = settings.maxBytes * IMAGES_AT_ONCE
  for (const message of [...messages].reverse()) {
    if (message.role !== 'user' || typeof message.content === 'string' || !message.content.some(isStored)) {
      loaded.push(message)
      continue
    }
    const content: ModelContentPart[] = []
    for (const part of message.content) {
      const next = isStored(part) ? await loadImage(part, settings, left) : { part, bytes: 0 }
      content.push(next.part)
      left -= next.bytes
    }
    loaded.push({ role: 'user', content })
  }
  return loaded.reverse()
}

async function loadImage ({ file: { project, id }, detail }: StoredImage, settings: ImageSettings, left: number): Promise<{ part: ModelContentPart, bytes: number }> {
  const files = settings.files(project)
  const file = await files.find(id)
  const without = (why: string) => ({ part: { type: 'text' as const, text: `[The image ${file?.filename ?? id} ${why}.]` }, bytes: 0 })
  // The thread outlives its files: a run must not fail for an image of long ago.
  if (file === undefined) return without('was deleted')
  if (file.bytes > Math.min(settings.maxBytes, left)) return without('is too large to be shown')
  const chunks: Uint8Array[] = []
  for await (const chunk of await files.open(id)) chunks.push(chunk as Uint8Array)
  const bytes = Buffer.concat(chunks)
  return { part: { type: 'image_url', url: `data:${mediaType(bytes)};base64,${bytes.toString('base64')}`, ...detail === undefined ? {} : { detail } }, bytes: bytes.length }
}

function isStored (part: ModelContentPart): part is StoredImage {
  return 'file' in part
}

/** By the first bytes: a name may say anything, and vendors refuse what does not match. */
function mediaType (bytes: Buffer): string {
  const head = bytes.subarray(0, 12).toString('latin1')
  if (head.startsWith('\x89PNG')) return 'image/png'
  if (head.startsWith('GIF8')) return 'image/gif'
  if (head.startsWith('RIFF') && head.endsWith('WEBP')) return 'image/webp'
  return 'image/jpeg'
}

import { randomUUID } from 'node:crypto'
import type { Message } from '../../../schemas/messages.js'
import type { CreateToolResourcesParam, ToolResources } from '../../../schemas/tools.js'
import type { CreateVectorStoreRequest } from '../../../schemas/vector-stores.js'
import { requireFiles } from '../../files/find.js'
import { extensionOf } from '../../retrieval/parse/detect.js'
import { badRequest, notFound } from '../../shared/errors.js'
import type { Scope } from '../../shared/scope.js'
import type { VectorStoreApi } from '../../vector-stores/api.js'
import type { BuiltInResources, ResolveOptions, ResourceChange } from '../built-in-tool.js'

type Part = NonNullable<ToolResources['file_search']>
type RequestedPart = NonNullable<NonNullable<CreateToolResourcesParam>['file_search']>

/** How long a vector store that was created for a thread stays after its last use (API reference, "File search", expiration policies). */
export const THREAD_STORE_EXPIRY: NonNullable<CreateVectorStoreRequest['expires_after']> = { anchor: 'last_active_at', days: 7 }

/** The vector stores of one project; undefined where threads are kept without a server, and nothing is indexed. */
export type FindVectorStores = (scope: Scope) => VectorStoreApi | undefined

/** `tool_resources.file_search`: the vector stores that are searched. */
export function fileSearchResources (vectorStoresOf: FindVectorStores): BuiltInResources<Part> {
  return {
    change: scope => new VectorStoresChange(scope, vectorStoresOf(scope)),
    /** Throws the 400 for an expired vector store; a deleted one is passed over. */
    async use (scope, parts) {
      const vectorStores = vectorStoresOf(scope)
      if (vectorStores === undefined) return
      const { stores } = vectorStores
      for (const id of new Set(parts.flatMap(part => part.vector_store_ids))) {
        if (await stores.find(id) === undefined) continue
        await stores.requireUsable(id)
        await stores.touch(id)
      }
    }
  }
}

/** What one request creates and attaches. */
class VectorStoresChange implements ResourceChange<Part> {
  readonly #scope: Scope
  readonly #vectorStores: VectorStoreApi | undefined
  /** Marks the files that this operation has attached. */
  readonly #token = randomUUID()
  readonly #created = new Set<string>()
  readonly #attached = new Map<string, readonly string[]>()

  constructor (scope: Scope, vectorStores: VectorStoreApi | undefined) {
    this.#scope = scope
    this.#vectorStores = vectorStores
  }

  async resolve (requested: RequestedPart | undefined, old: Part | undefined, options: ResolveOptions): Promise<Part | undefined> {
    const ids = requested?.vector_store_ids
    const [id] = ids ?? []
    if (id !== undefined && await this.#vectorStores?.stores.find(id) === undefined) throw notFound('vector store', id)
    const [wanted] = requested?.vector_stores ?? []
    if (wanted !== undefined && options.vectorStores !== undefined) {
      const { expiresAfter } = options.vectorStores
      return { vector_store_ids: [await this.#create({ ...wanted, ...expiresAfter === undefined ? {} : { expires_after: expiresAfter } })] }
    }
    return ids === undefined ? old : { vector_store_ids: ids }
  }

  /** Puts the files into the thread's vector store, which is created when it does not exist (any more). */
  async attach (part: Part | undefined, messages: readonly Pick<Message, 'attachments'>[]): Promise<Part | undefined> {
    const fileIds = [...new Set(messages.flatMap(message => message.attachments ?? [])
      .filter(({ tools }) => tools.some(tool => tool.type === 'file_search')).map(attachment => attachment.file_id))]
    const vectorStores = this.#vectorStores
    if (fileIds.length === 0 || vectorStores === undefined) return part
    await this.#requireSupported(fileIds)
    const known = await usable(vectorStores, part?.vector_store_ids[0])
    if (known !== undefined) {
      if (!this.#created.has(known)) await this.#attachTo(vectorStores, known, fileIds)
      return part
    }
    const [before] = this.#created
    const created = await usable(vectorStores, before) ?? await this.#create({ file_ids: fileIds, expires_after: THREAD_STORE_EXPIRY })
    return { vector_store_ids: [created] }
  }

  async settle (kept: Part | undefined): Promise<void> {
    const vectorStores = this.#vectorStores
    if (vectorStores === undefined) return
    const isKept = (id: string): boolean => kept?.vector_store_ids.includes(id) === true
    // What cannot be removed now stays until its vector store expires.
    const undo = async (work: Promise<unknown>): Promise<void> => { await work.catch(() => {}) }
    for (const id of this.#created) {
      if (!isKept(id)) await undo(vectorStores.stores.delete(id))
    }
    for (const [id, fileIds] of this.#attached) {
      if (isKept(id)) continue
      for (const fileId of fileIds) await undo(vectorStores.files.detach(id, fileId, this.#token))
    }
  }

  async #create (request: CreateVectorStoreRequest): Promise<string> {
    if (this.#vectorStores === undefined) {
      throw badRequest('Vector stores are not available on this server.', { param: 'tool_resources.file_search.vector_stores', code: 'unsupported_parameter' })
    }
    const { id } = await this.#vectorStores.stores.create(request)
    this.#created.add(id)
    return id
  }

  async #attachTo ({ files }: VectorStoreApi, storeId: string, fileIds: readonly string[]): Promise<void> {
    if (this.#attached.has(storeId)) return
    this.#attached.set(storeId, fileIds)
    await files.attach(storeId, fileIds.map(id => ({ file_id: id })), { token: this.#token })
  }

  async #requireSupported (fileIds: readonly string[]): Promise<void> {
    const files = await requireFiles(this.#scope, fileIds)
    const unsupported = files.filter(({ filename }) => this.#vectorStores?.supports(filename) === false).map(({ filename }) => `.${extensionOf(filename)}`)
    if (unsupported.length === 0) return
    throw badRequest(`Files with extensions [${[...new Set(unsupported)].join(', ')}] are not supported for retrieval. See https://platform.openai.com/docs/assistants/tools/file-search#supported-files`,
      { param: 'file_ids', code: 'unsupported_file' })
  }
}

async function usable ({ stores }: VectorStoreApi, id: string | undefined): Promise<string | undefined> {
  const store = id === undefined ? undefined : await stores.find(id)
  return store === undefined || store.status === 'expired' ? undefined : id
}

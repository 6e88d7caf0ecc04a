import { randomUUID } from 'node:crypto'
import type { Message } from '../../schemas/messages.js'
import type { ToolResources } from '../../schemas/tools.js'
import type { CreateVectorStoreRequest } from '../../schemas/vector-stores.js'
import { StorageUnavailableError } from '../../storage/record-store.js'
import { badRequest } from '../shared/errors.js'
import { requireFiles } from '../files/find.js'
import { extensionOf, isSupportedName } from '../retrieval/parse/detect.js'
import type { Scope, ThreadVectorStores } from '../shared/scope.js'
import { THREAD_STORE_EXPIRY } from './attachments.js'

type Resources = ToolResources | null | undefined

/**
 * What is done to vector stores for a message, a thread or a run that does not exist yet and may be refused. It comes first, for nothing may
 * be found that cannot be searched, and is taken back when what it was done for does not come about. What a crash leaves in between
 * is a store that expires.
 */
export class PendingStores {
  readonly #scope: Scope
  /** Marks the files that we have put into stores. */
  readonly #token = randomUUID()
  readonly #made = new Set<string>()
  readonly #attached = new Map<string, readonly string[]>()
  #kept: readonly string[] = []
  /** Whether what it was done for exists, nobody knows. */
  #isUncertain = false

  private constructor (scope: Scope) {
    this.#scope = scope
  }

  /** Takes back, once `work` is over, what `keep` was not told of. */
  static async during<T> (scope: Scope, work: (pending: PendingStores) => Promise<T>): Promise<T> {
    const pending = new PendingStores(scope)
    try {
      return await work(pending)
    } catch (error) {
      pending.#isUncertain = error instanceof StorageUnavailableError
      throw error
    } finally {
      if (!pending.#isUncertain) await pending.#takeBack()
    }
  }

  /** A new store, by its id. Throws where there are none. */
  async make (request: CreateVectorStoreRequest): Promise<string> {
    const { id } = await this.#vectorStores.stores.create(request)
    this.#made.add(id)
    return id
  }

  /**
   * Puts what messages bring for file_search into their thread's vector store, which is made when there is none (any more). Returns the
   * thread's resources as they are then. May be called again with what a lost race has made of them.
   */
  async attach<T extends Resources> (resources: T, messages: readonly Pick<Message, 'attachments'>[]): Promise<T | ToolResources> {
    const fileIds = [...new Set(messages.flatMap(message => message.attachments ?? [])
      .filter(({ tools }) => tools.some(tool => tool.type === 'file_search')).map(attachment => attachment.file_id))]
    const { vectorStores } = this.#scope
    if (fileIds.length === 0 || vectorStores === undefined) return resources
    await this.#requireSupported(fileIds)
    const known = await usable(vectorStores, resources?.file_search?.vector_store_ids?.[0])
    if (known !== undefined) {
      if (!this.#made.has(known)) await this.#attachTo(known, fileIds)
      return resources
    }
    const [before] = this.#made
    const made = await usable(vectorStores, before) ?? await this.make({ file_ids: fileIds, expires_after: THREAD_STORE_EXPIRY })
    return { ...resources, file_search: { vector_store_ids: [made] } }
  }

  /** What these resources name is in use now. */
  keep (resources: Resources): void {
    this.#kept = resources?.file_search?.vector_store_ids ?? []
  }

  async #attachTo (storeId: string, fileIds: readonly string[]): Promise<void> {
    if (this.#attached.has(storeId)) return
    this.#attached.set(storeId, fileIds)
    await this.#vectorStores.files.attach(storeId, fileIds.map(id => ({ file_id: id })), { token: this.#token })
  }

  /** Never rejects: what stays behind does so until its store expires. */
  async #takeBack (): Promise<void> {
    const { vectorStores } = this.#scope
    const undo = async (work: Promise<unknown>): Promise<void> => { await work.catch(() => {}) }
    for (const id of this.#made) {
      if (vectorStores !== undefined && !this.#kept.includes(id)) await undo(vectorStores.stores.delete(id))
    }
    for (const [id, fileIds] of this.#attached) {
      if (vectorStores === undefined || this.#kept.includes(id)) continue
      for (const fileId of fileIds) await undo(vectorStores.files.detach(id, fileId, this.#token))
    }
  }

  async #requireSupported (fileIds: readonly string[]): Promise<void> {
    const files = await requireFiles(this.#scope, fileIds)
    const unsupported = files.filter(({ filename }) => !isSupportedName(filename)).map(({ filename }) => `.${extensionOf(filename)}`)
    if (unsupported.length === 0) return
    throw badRequest(`Files with extensions [${[...new Set(unsupported)].join(', ')}] are not supported for retrieval. See https://platform.openai.com/docs/assistants/tools/file-search#supported-files`,
      { param: 'file_ids', code: 'unsupported_file' })
  }

  get #vectorStores (): ThreadVectorStores {
    const { vectorStores } = this.#scope
    if (vectorStores !== undefined) return vectorStores
    throw badRequest('Vector stores are not available on this server.', { param: 'tool_resources.file_search.vector_stores', code: 'unsupported_parameter' })
  }
}

async function usable ({ stores }: ThreadVectorStores, id: string | undefined): Promise<string | undefined> {
  const store = id === undefined ? undefined : await stores.find(id)
  return store === undefined || store.status === 'expired' ? undefined : id
}

import type { Message } from '../../../schemas/messages.js'
import { MOST_CODE_FILES, type ToolResources } from '../../../schemas/tools.js'
import { existingFiles, requireFiles } from '../../files/find.js'
import { badRequest } from '../../shared/errors.js'
import type { Scope } from '../../shared/scope.js'
import type { BuiltInResources, ResolveOptions, ResourceChange } from '../built-in-tool.js'

type Part = NonNullable<ToolResources['code_interpreter']>

/** `tool_resources.code_interpreter`: the files that code can read. Undoing needs nothing: nothing is created. */
class FileListChange implements ResourceChange<Part> {
  readonly #scope: Scope

  constructor (scope: Scope) {
    this.#scope = scope
  }

  async resolve (requested: Partial<Part> | undefined, old: Part | undefined, { isDeclared }: ResolveOptions): Promise<Part | undefined> {
    await requireFiles(this.#scope, requested?.file_ids ?? [])
    const fileIds = requested?.file_ids ?? old?.file_ids ?? (isDeclared ? [] : undefined)
    return fileIds === undefined ? undefined : { file_ids: fileIds }
  }

  /** API reference, "Create message", attachments. */
  async attach (part: Part | undefined, messages: readonly Pick<Message, 'attachments'>[]): Promise<Part | undefined> {
    const known = part?.file_ids ?? []
    const attached = messages.flatMap(message => message.attachments ?? [])
      .filter(({ tools }) => tools.some(tool => tool.type === 'code_interpreter'))
      .map(attachment => attachment.file_id)
    const ids = [...new Set([...known, ...attached])]
    if (ids.length === known.length) return part
    if (ids.length > MOST_CODE_FILES) {
      throw badRequest(`A thread can have ${MOST_CODE_FILES} files for the code interpreter, not ${ids.length}.`, { param: 'attachments', code: 'array_above_max_length' })
    }
    return { file_ids: ids }
  }

  async settle (): Promise<void> {}
}

export const codeInterpreterResources: BuiltInResources<Part> = {
  change: scope => new FileListChange(scope),
  /**
   * Deleted files leave every list (API reference, "Delete file"). They are looked up when the list is read, so that deleting a file
   * need not search for what names it.
   */
  async shown (scope, part) {
    if (part.file_ids.length === 0) return part
    const existing = await existingFiles(scope, part.file_ids)
    return existing.length === part.file_ids.length ? part : { file_ids: existing }
  }
}

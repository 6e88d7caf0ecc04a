import type { Message } from '../../schemas/messages.js'
import type { CreateToolResourcesParam, ToolResources, ToolResourcesParam } from '../../schemas/tools.js'
import { isUncertain } from '../shared/certain-store.js'
import type { Scope } from '../shared/scope.js'
import type { ResolveOptions, ResourceChange, ResourcePart, ToolDeclaration } from './built-in-tool.js'
import type { BuiltInTools } from './built-in-tools.js'

/** `tool_resources` by key, for every registered tool. */
type Parts = Record<string, ResourcePart | undefined>

export interface ResolveResources {
  /** The declared tools: some get an empty part by default. */
  tools?: readonly ToolDeclaration[]
  /** What is stored now. */
  old?: ToolResources | null
  /** Whether the request may create vector stores, and when those expire. Default: it may not. */
  vectorStores?: ResolveOptions['vectorStores']
}

/**
 * The changes that one request makes to tool resources, for an assistant, thread, message or run that does not exist yet and may be
 * refused. They are made before it is stored, because nothing may be stored that names what is not there, and undone when it is not
 * stored after all. A crash in between leaves objects that expire.
 */
export class ToolResourceChanges {
  readonly #changes: readonly (readonly [string, ResourceChange])[]
  #kept: Parts = {}

  private constructor (scope: Scope, tools: BuiltInTools) {
    this.#changes = tools.all.flatMap(({ type, resources }) => resources === undefined ? [] : [[type, resources.change(scope)] as const])
  }

  /** Runs `work`, then undoes every change that it has not passed to `keep`. */
  static async during<T> (scope: Scope, tools: BuiltInTools, work: (changes: ToolResourceChanges) => Promise<T>): Promise<T> {
    const changes = new ToolResourceChanges(scope, tools)
    let mayBeStored = false
    try {
      return await work(changes)
    } catch (error) {
      // The write may have been carried out: what it names must stay.
      mayBeStored = isUncertain(error)
      throw error
    } finally {
      if (!mayBeStored) await changes.#settle()
    }
  }

  /**
   * Tool resources as responses show them. A key that is not given keeps its old value, a given one is replaced as a whole, null clears
   * all. Throws an `ApiError` for an id that names nothing.
   */
  async resolve (requested: CreateToolResourcesParam | ToolResourcesParam | null | undefined, { tools = [], old = null, vectorStores }: ResolveResources = {}): Promise<ToolResources> {
    const given = (requested ?? {}) as Parts
    const before = (requested === null ? {} : old ?? {}) as Parts
    const resolved: Parts = {}
    for (const [type, change] of this.#changes) {
      const part = await change.resolve(given[type], before[type], {
        isDeclared: tools.some(tool => tool.type === type),
        ...vectorStores === undefined ? {} : { vectorStores }
      })
      if (part !== undefined) resolved[type] = part
    }
    return resolved
  }

  /** A thread's resources with what the attachments of new messages add; the same object when they add nothing. */
  async attach<T extends ToolResources | null> (resources: T, messages: readonly Pick<Message, 'attachments'>[]): Promise<T | ToolResources> {
    const before = (resources ?? {}) as Parts
    const added: Parts = {}
    for (const [type, change] of this.#changes) {
      const part = await change.attach(before[type], messages)
      if (part !== undefined && part !== before[type]) added[type] = part
    }
    return Object.keys(added).length === 0 ? resources : { ...before, ...added }
  }

  /** These resources have been stored. */
  keep (resources: ToolResources | null): void {
    this.#kept = (resources ?? {}) as Parts
  }

  async #settle (): Promise<void> {
    for (const [type, change] of this.#changes) await change.settle(this.#kept[type])
  }
}

/** An assistant or a thread as responses show it: without resources that were deleted since it was stored. */
export async function withCurrentResources<T extends { tool_resources: ToolResources | null }> (scope: Scope, tools: BuiltInTools, object: T): Promise<T> {
  const parts = (object.tool_resources ?? {}) as Parts
  let shown = parts
  for (const { type, resources } of tools.all) {
    const part = parts[type]
    if (part === undefined || resources?.shown === undefined) continue
    const current = await resources.shown(scope, part)
    if (current !== part) shown = { ...shown, [type]: current }
  }
  return shown === parts ? object : { ...object, tool_resources: shown }
}

/** A run is about to use these resources. Throws an `ApiError` when one of them cannot be used. */
export async function useResources (scope: Scope, tools: BuiltInTools, ...resources: readonly (ToolResources | null)[]): Promise<void> {
  for (const tool of tools.all) {
    const parts = resources.flatMap(of => (of as Parts | null)?.[tool.type] ?? [])
    if (parts.length > 0) await tool.resources?.use?.(scope, parts)
  }
}

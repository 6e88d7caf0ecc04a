import type { Assistant, CreateAssistantRequest, UpdateAssistantRequest } from '../../schemas/assistants.js'
import type { ListResponse } from '../../schemas/common.js'
import { rememberPlace } from '../../storage/deleted-places.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import { unixSeconds } from '../shared/clock.js'
import { notFound } from '../shared/errors.js'
import { newId } from '../shared/ids.js'
import { listRecords, type ListParams } from '../shared/pagination.js'
import type { Scope } from '../shared/scope.js'
import { untilWritten } from '../shared/until-written.js'
import type { BuiltInTools } from '../tools/built-in-tools.js'
import { ToolResourceChanges, withCurrentResources } from '../tools/tool-resources.js'

const SOURCE = { partition: PARTITION.assistants, kind: KIND.assistant }
const missing = (id: string) => notFound('assistant', id)

/** Assistants of one project (API reference, "Assistants"). */
export class Assistants {
  readonly #scope: Scope
  readonly #tools: BuiltInTools

  constructor (scope: Scope, tools: BuiltInTools) {
    this.#scope = scope
    this.#tools = tools
  }

  async create (request: CreateAssistantRequest): Promise<Assistant> {
    return await ToolResourceChanges.during(this.#scope, this.#tools, async changes => await this.#create(changes, request))
  }

  async #create (changes: ToolResourceChanges, request: CreateAssistantRequest): Promise<Assistant> {
    const { records, clock, project } = this.#scope
    const tools = this.#tools.declare(request.tools ?? [])
    const assistant: Assistant = {
      id: newId.assistant(),
      object: 'assistant',
      created_at: unixSeconds(clock),
      name: request.name ?? null,
      description: request.description ?? null,
      model: request.model,
      instructions: request.instructions ?? null,
      tools,
      top_p: request.top_p ?? 1,
      temperature: request.temperature ?? 1,
      reasoning_effort: request.reasoning_effort ?? null,
      tool_resources: await changes.resolve(request.tool_resources, { tools, vectorStores: {} }),
      metadata: request.metadata ?? {},
      response_format: request.response_format ?? 'auto'
    }
    await records.write({ project, partition: SOURCE.partition },
      [{ op: 'put', kind: SOURCE.kind, id: assistant.id, body: assistant, expect: 'absent' }])
    changes.keep(assistant.tool_resources)
    return assistant
  }

  /** Throws the 404. */
  async get (id: string): Promise<Assistant> {
    return await withCurrentResources(this.#scope, this.#tools, (await this.#load(id)).body)
  }

  /** Changes what is given, replacing whole values; null clears (API reference, "Modify assistant"). */
  async update (id: string, request: UpdateAssistantRequest): Promise<Assistant> {
    const { records, project } = this.#scope
    return await ToolResourceChanges.during(this.#scope, this.#tools, async changes => await untilWritten(async () => {
      const { body, version } = await this.#load(id)
      const old = await withCurrentResources(this.#scope, this.#tools, body)
      const tools = request.tools == null ? old.tools : this.#tools.declare(request.tools)
      const next: Assistant = {
        ...old,
        name: request.name === undefined ? old.name : request.name,
        description: request.description === undefined ? old.description : request.description,
        model: request.model ?? old.model,
        instructions: request.instructions === undefined ? old.instructions : request.instructions,
        tools,
        top_p: request.top_p === undefined ? old.top_p : request.top_p ?? 1,
        temperature: request.temperature === undefined ? old.temperature : request.temperature ?? 1,
        reasoning_effort: request.reasoning_effort === undefined ? old.reasoning_effort : request.reasoning_effort,
        tool_resources: await changes.resolve(request.tool_resources, { tools, old: old.tool_resources }),
        metadata: request.metadata === undefined ? old.metadata : request.metadata ?? {},
        response_format: request.response_format === undefined ? old.response_format : request.response_format ?? 'auto'
      }
      const written = await records.write({ project, partition: SOURCE.partition },
        [{ op: 'put', kind: SOURCE.kind, id, body: next, expect: version }])
      return written ? next : undefined
    }))
  }

  async delete (id: string): Promise<void> {
    const { records, project } = this.#scope
    await untilWritten(async () => {
      const record = await this.#load(id)
      return await records.write({ project, partition: SOURCE.partition },
        [{ op: 'delete', kind: SOURCE.kind, id, expect: record.version }, ...await rememberPlace(records, record)]) || undefined
    })
  }

  async list (params: ListParams): Promise<ListResponse<Assistant>> {
    const page = await listRecords<Assistant>(this.#scope, SOURCE, params, missing)
    return { ...page, data: await Promise.all(page.data.map(async assistant => await withCurrentResources(this.#scope, this.#tools, assistant))) }
  }

  async #load (id: string) {
    const { records, project } = this.#scope
    const record = await records.get<Assistant>({ project, ...SOURCE, id })
    if (record === undefined) throw missing(id)
    return record
  }
}

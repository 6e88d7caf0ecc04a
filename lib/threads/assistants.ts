import type { Assistant, CreateAssistantRequest, UpdateAssistantRequest } from '../../schemas/assistants.js'
import type { ListResponse } from '../../schemas/common.js'
import { KIND, PARTITION } from '../../storage/layout.js'
import { unixSeconds } from '../shared/clock.js'
import { notFound } from '../shared/errors.js'
import { newId } from '../shared/ids.js'
import { listRecords, type ListParams } from '../shared/pagination.js'
import type { Scope } from '../shared/scope.js'
import { untilWritten } from '../shared/until-written.js'
import { PendingStores } from '../vector-stores/pending.js'
import { echoTools, resolveToolResources, withoutDeletedFiles } from './resources.js'

const SOURCE = { partition: PARTITION.assistants, kind: KIND.assistant }
const missing = (id: string) => notFound('assistant', id)

/** Assistants of one project (API reference, "Assistants"). */
export class Assistants {
  readonly #scope: Scope

  constructor (scope: Scope) {
    this.#scope = scope
  }

  async create (request: CreateAssistantRequest): Promise<Assistant> {
    return await PendingStores.during(this.#scope, async pending => await this.#create(pending, request))
  }

  async #create (pending: PendingStores, request: CreateAssistantRequest): Promise<Assistant> {
    const { records, clock, project } = this.#scope
    const tools = echoTools(request.tools ?? [])
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
      tool_resources: await resolveToolResources(this.#scope, request.tool_resources, { tools, make: async wanted => await pending.make(wanted) }),
      metadata: request.metadata ?? {},
      response_format: request.response_format ?? 'auto'
    }
    await records.write({ project, partition: SOURCE.partition },
      [{ op: 'put', kind: SOURCE.kind, id: assistant.id, body: assistant, expect: 'absent' }])
    pending.keep(assistant.tool_resources)
    return assistant
  }

  /** Throws the 404. */
  async get (id: string): Promise<Assistant> {
    return await withoutDeletedFiles(this.#scope, (await this.#load(id)).body)
  }

  /** Changes what is given, replacing whole values; null clears (API reference, "Modify assistant"). */
  async update (id: string, request: UpdateAssistantRequest): Promise<Assistant> {
    const { records, project } = this.#scope
    return await untilWritten(async () => {
      const { body, version } = await this.#load(id)
      const old = await withoutDeletedFiles(this.#scope, body)
      const tools = request.tools == null ? old.tools : echoTools(request.tools)
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
        tool_resources: request.tool_resources === undefined
          ? await resolveToolResources(this.#scope, undefined, { tools, old: old.tool_resources })
          : await resolveToolResources(this.#scope, request.tool_resources, { tools, old: old.tool_resources }),
        metadata: request.metadata === undefined ? old.metadata : request.metadata ?? {},
        response_format: request.response_format === undefined ? old.response_format : request.response_format ?? 'auto'
      }
      const written = await records.write({ project, partition: SOURCE.partition },
        [{ op: 'put', kind: SOURCE.kind, id, body: next, expect: version }])
      return written ? next : undefined
    })
  }

  async delete (id: string): Promise<void> {
    const { records, project } = this.#scope
    await untilWritten(async () => {
      const { version } = await this.#load(id)
      return await records.write({ project, partition: SOURCE.partition },
        [{ op: 'delete', kind: SOURCE.kind, id, expect: version }]) || undefined
    })
  }

  async list (params: ListParams): Promise<ListResponse<Assistant>> {
    const page = await listRecords<Assistant>(this.#scope, SOURCE, params, missing)
    return { ...page, data: await Promise.all(page.data.map(async assistant => await withoutDeletedFiles(this.#scope, assistant))) }
  }

  async #load (id: string) {
    const { records, project } = this.#scope
    const record = await records.get<Assistant>({ project, ...SOURCE, id })
    if (record === undefined) throw missing(id)
    return record
  }
}

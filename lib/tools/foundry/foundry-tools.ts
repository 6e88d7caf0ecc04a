import { Type, type TSchema } from '@sinclair/typebox'
import { JsonObject } from '../../../schemas/common.js'
import type { AnyBuiltInTool, BuiltInResources, BuiltInTool, ResourceChange, ToolDeclaration, ToolStepCall } from '../built-in-tool.js'

/** Tools of Azure AI Foundry's agents, with the schema of their key in `tool_resources` if they have one. */
const TYPES: Record<string, TSchema | undefined> = {
  azure_ai_search: JsonObject,
  azure_function: undefined,
  bing_custom_search: undefined,
  bing_grounding: undefined,
  browser_automation: undefined,
  connected_agent: undefined,
  deep_research: undefined,
  fabric_dataagent: undefined,
  mcp: Type.Array(JsonObject),
  openapi: undefined,
  sharepoint_grounding: undefined
}

/**
 * The tools that Azure AI Foundry runs in its own cloud. Assistants that declare them are kept and shown as they were sent; a run that would
 * need one fails with a reason, unless another built-in tool has the type or a server tool the name.
 *
 * @param taken types of other built-in tools.
 */
export function foundryTools (taken: readonly string[]): AnyBuiltInTool[] {
  return Object.entries(TYPES).filter(([type]) => !taken.includes(type)).map(([type, resources]) => new FoundryTool(type, resources))
}

class FoundryTool implements BuiltInTool {
  readonly type: string
  readonly schema: TSchema
  readonly refusal: string
  readonly resources?: BuiltInResources

  constructor (type: string, resources: TSchema | undefined) {
    this.type = type
    this.schema = Type.Object({ type: Type.Literal(type) }, { additionalProperties: true })
    this.refusal = `The tool '${type}' runs in Azure AI Foundry only. Give this server a server tool of this name or a built-in tool of this type, or remove the tool from the assistant.`
    if (resources !== undefined) this.resources = { schema: resources, change: () => KEPT }
  }

  declare (param: ToolDeclaration): ToolDeclaration {
    return param
  }

  offer (): undefined {
    return undefined
  }

  begin (): ToolStepCall {
    throw new Error(this.refusal)
  }

  async * run (): AsyncGenerator<never, never, void> {
    throw new Error(this.refusal)
  }

  output (): string {
    return this.refusal
  }

  replay (): [] {
    return []
  }
}

/** What it refers to is in another cloud: nothing can be checked. */
const KEPT: ResourceChange = {
  resolve: async (requested, old) => requested ?? old,
  attach: async part => part,
  settle: async () => {}
}

import type { AssistantTool } from '../../schemas/tools.js'
import type { ModelTool } from '../models/provider.js'
import { isFunction, type AnyBuiltInTool, type FunctionTool, type ToolDeclaration } from './built-in-tool.js'

/** A built-in tool that a run offers to the model. */
export interface OfferedTool {
  readonly tool: AnyBuiltInTool
  readonly declared: ToolDeclaration
  /** As the model sees it. */
  readonly shown: ModelTool
}

/** The built-in tools of a server, by wire type. Their order is the order of the keys of `tool_resources`. */
export class BuiltInTools {
  readonly #tools = new Map<string, AnyBuiltInTool>()

  /** Throws a TypeError when two tools have one type. */
  constructor (tools: readonly AnyBuiltInTool[]) {
    for (const tool of tools) {
      if (tool.type === 'function' || this.#tools.has(tool.type)) throw new TypeError(`There are two tools of type "${tool.type}".`)
      this.#tools.set(tool.type, tool)
    }
  }

  get all (): readonly AnyBuiltInTool[] {
    return [...this.#tools.values()]
  }

  byType (type: string): AnyBuiltInTool | undefined {
    return this.#tools.get(type)
  }

  /** Those that a run declares and this server can run. A declared function of the same name takes a tool's place. */
  offered (declared: readonly ToolDeclaration[]): OfferedTool[] {
    const functions = functionNames(declared)
    const seen = new Set<string>()
    return declared.flatMap(declaration => {
      const tool = this.#tools.get(declaration.type)
      const shown = tool?.offer(declaration)
      if (tool === undefined || shown === undefined || functions.has(shown.name) || seen.has(shown.name)) return []
      seen.add(shown.name)
      return [{ tool, declared: declaration, shown }]
    })
  }

  /** Why a run that declares these tools has to fail; undefined when it need not. `names` are those of functions that take a tool's place. */
  refusal (declared: readonly ToolDeclaration[], names: ReadonlySet<string>): string | undefined {
    for (const { type } of declared) {
      const refusal = this.#tools.get(type)?.refusal
      if (refusal !== undefined && !names.has(type)) return refusal
    }
    return undefined
  }

  /** Declarations as responses show them, with the defaults that the caller left out (API reference, "The assistant object"). */
  declare (params: readonly ToolDeclaration[]): AssistantTool[] {
    return params.map(param => declareFunction(param) ?? this.#tools.get(param.type)?.declare(param) ?? param) as AssistantTool[]
  }
}

function functionNames (declared: readonly ToolDeclaration[]): Set<string> {
  return new Set(declared.flatMap(tool => isFunction(tool) ? [tool.function.name] : []))
}

function declareFunction (param: ToolDeclaration): FunctionTool | undefined {
  if (!isFunction(param)) return undefined
  const { function: definition } = param
  return {
    type: 'function',
    function: { ...definition, description: definition.description ?? null, parameters: definition.parameters ?? { type: 'object', properties: {} }, strict: definition.strict ?? false }
  }
}

import { Ajv, type ValidateFunction } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { unlessAborted } from '../shared/abort.js'
import type { Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import type { ModelTool } from '../models/provider.js'
import { isFunction, type FunctionTool, type ToolDeclaration } from './built-in-tool.js'
import type { FunctionRunner, ServerTool, ToolContext, ToolInvocation } from './tool.js'

/** `all` offers server tools to every run, `declared` only to runs that list a function of the name. */
export type ToolAccess = 'all' | 'declared'

export interface ServerToolsOptions {
  tools: readonly ServerTool[]
  access: ToolAccess
  /** Time limit of one call in milliseconds, for tools that have none of their own. */
  timeoutMs: number
  clock: Clock
  log: Logger
}

/** As for submitted outputs. */
const MAX_OUTPUT_LENGTH = 1_048_576

type Parsed = { args: unknown, problem?: undefined } | { problem: string, args?: undefined }

interface Registered {
  tool: ServerTool<unknown>
  shown: ModelTool
  check: (args: unknown) => Parsed | Promise<Parsed>
}

/** Runs the server's own tools (design: "server tools") and tells which calls are the client's. */
export class ServerTools implements FunctionRunner {
  readonly #tools = new Map<string, Registered>()
  readonly #options: ServerToolsOptions

  /** Throws a TypeError that names the tool that cannot be used. */
  constructor (options: ServerToolsOptions) {
    this.#options = options
    for (const tool of options.tools) {
      const registered = register(tool as unknown as ServerTool<unknown>)
      if (this.#tools.has(registered.shown.name)) throw new TypeError(`There are two tools named "${tool.name}".`)
      this.#tools.set(registered.shown.name, registered)
    }
  }

  offered (declared: readonly ToolDeclaration[], project: string): ModelTool[] {
    const offered = new Map<string, ModelTool>()
    for (const tool of declared) {
      if (isFunction(tool)) offered.set(tool.function.name, this.#of(project, tool.function.name)?.shown ?? shownFunction(tool.function))
    }
    if (this.#options.access === 'all') {
      for (const [name, { shown }] of this.#tools) if (this.#of(project, name) !== undefined) offered.set(name, shown)
    }
    return [...offered.values()]
  }

  /** Whether a run of this project with these declarations offers a function of this name. */
  offers (name: string, declared: readonly ToolDeclaration[], project: string): boolean {
    return declares(declared, name) || this.#available(name, declared, project) !== undefined
  }

  async runsHere (call: ToolInvocation, declared: readonly ToolDeclaration[], project: string): Promise<boolean> {
    const own = this.#available(call.name, declared, project)
    // The model has invented a name that is not declared: it reads so in the output, and the client is not asked.
    if (own === undefined) return !declares(declared, call.name)
    return !await this.#needsApproval(own, call)
  }

  async execute (call: ToolInvocation, declared: readonly ToolDeclaration[], context: ToolContext): Promise<string> {
    const own = this.#available(call.name, declared, context.project)
    if (own === undefined) return `Error: there is no tool named "${call.name}".`
    try {
      const { args, problem } = await parse(own, call)
      if (problem !== undefined) return `Error: ${problem}`
      return printed(await this.#timed(own.tool, args, context))
    } catch (error) {
      context.signal.throwIfAborted()
      this.#options.log.warn({ err: error, tool: call.name, run_id: context.runId }, 'a tool failed')
      return `Error: ${error instanceof Error ? error.message : String(error)}`
    }
  }

  /** The tool, if the project has it. */
  #of (project: string, name: string): Registered | undefined {
    const own = this.#tools.get(name)
    return own?.tool.projects?.includes(project) === false ? undefined : own
  }

  #available (name: string, declared: readonly ToolDeclaration[], project: string): Registered | undefined {
    const own = this.#of(project, name)
    return this.#options.access === 'all' || declares(declared, name) ? own : undefined
  }

  /** On doubt the client is asked: it can refuse, we could not undo. */
  async #needsApproval (own: Registered, call: ToolInvocation): Promise<boolean> {
    const { requiresApproval } = own.tool
    if (typeof requiresApproval !== 'function') return requiresApproval === true
    try {
      const { args, problem } = await parse(own, call)
      return problem === undefined && await requiresApproval(args)
    } catch (error) {
      this.#options.log.warn({ err: error, tool: call.name }, 'a tool could not tell whether it needs approval')
      return true
    }
  }

  async #timed (tool: ServerTool<unknown>, args: unknown, context: ToolContext): Promise<unknown> {
    const timeoutMs = tool.timeout ?? this.#options.timeoutMs
    const limit = new AbortController()
    const cancel = this.#options.clock.after(timeoutMs, () => limit.abort(new Error(`the tool took longer than ${timeoutMs} ms`)))
    const signal = AbortSignal.any([context.signal, limit.signal])
    try {
      // A tool that does not heed its signal is left behind.
      return await unlessAborted((async () => await tool.execute(args, { ...context, signal }))(), signal)
    } finally {
      cancel()
    }
  }
}

const declares = (declared: readonly ToolDeclaration[], name: string): boolean =>
  declared.some(tool => isFunction(tool) && tool.function.name === name)

async function parse ({ check }: Registered, call: ToolInvocation): Promise<Parsed> {
  let args: unknown
  try {
    args = call.arguments.trim() === '' ? {} : JSON.parse(call.arguments)
  } catch {
    return { problem: `the arguments of "${call.name}" are not valid JSON.` }
  }
  return await check(args)
}

function printed (output: unknown): string {
  const text = typeof output === 'string' ? output : JSON.stringify(output) ?? ''
  return text.length <= MAX_OUTPUT_LENGTH ? text : text.slice(0, MAX_OUTPUT_LENGTH)
}

interface ZodResult {
  success: boolean
  data?: unknown
  error?: { message: string }
}

/** What a Zod 4 schema, or any other of the Standard Schema kind, has on it. */
interface ZodLike {
  safeParse (value: unknown): ZodResult
  safeParseAsync? (value: unknown): Promise<ZodResult>
  toJSONSchema? (): object
}

/** A validator of its own for each tool, so that equal `$id`s do not meet, in the dialect that the schema names. */
function ajvFor (dialect: unknown): Ajv {
  const options = { strict: false, validateFormats: false }
  if (typeof dialect === 'string' && dialect.includes('2020-12')) return new Ajv2020(options)
  if (typeof dialect === 'string' && dialect.includes('2019-09')) return new Ajv2019(options)
  return new Ajv(options)
}

function register (tool: ServerTool<unknown>): Registered {
  const { name = '', parameters } = tool
  if (!/^[a-zA-Z0-9_-]{1,64}$/.test(name)) throw new TypeError(`"${name}" is no name for a tool: 1 to 64 letters, digits, underscores and dashes.`)
  if (typeof tool.execute !== 'function') throw new TypeError(`The tool "${name}" has no execute function.`)
  if (typeof parameters !== 'object' || parameters === null) throw new TypeError(`The tool "${name}" has no parameters: a JSON Schema or a Zod schema.`)
  const zod = 'safeParse' in parameters ? parameters as ZodLike : undefined
  const { projects } = tool
  if (projects !== undefined && !(Array.isArray(projects) && projects.every(project => typeof project === 'string'))) throw new TypeError(`The projects of the tool "${name}" must be a list of names.`)
  const schema = tool.toJSON?.().parameters ?? zod?.toJSONSchema?.() ?? (zod === undefined ? parameters : undefined)
  if (schema === undefined) throw new TypeError(`The parameters of the tool "${name}" cannot be shown as JSON Schema: give the tool a toJSON(), or use zod 4.2 or later.`)
  // Through JSON, which strips what only its library understands.
  const json = JSON.parse(JSON.stringify(schema)) as Record<string, unknown>
  return {
    tool,
    shown: { name, parameters: json, ...(tool.description === undefined ? {} : { description: tool.description }) },
    check: zod === undefined ? jsonSchemaCheck(name, json) : zodCheck(zod)
  }
}

function jsonSchemaCheck (name: string, schema: Record<string, unknown>): Registered['check'] {
  const { $schema: dialect, ...rest } = schema
  const ajv = ajvFor(dialect)
  let validate: ValidateFunction
  try {
    validate = ajv.compile(rest)
  } catch (cause) {
    throw new TypeError(`The parameters of the tool "${name}" are no valid JSON Schema: ${(cause as Error).message}`, { cause })
  }
  return args => validate(args) ? { args } : { problem: ajv.errorsText(validate.errors, { dataVar: 'arguments' }) }
}

function zodCheck (zod: ZodLike): Registered['check'] {
  return async args => {
    const { success, data, error } = zod.safeParseAsync === undefined ? zod.safeParse(args) : await zod.safeParseAsync(args)
    return success ? { args: data } : { problem: error?.message ?? 'the arguments do not fit.' }
  }
}

function shownFunction ({ description, ...rest }: FunctionTool['function']): ModelTool {
  return { ...rest, ...description == null ? {} : { description } }
}

import type { AssistantTool } from '../../../schemas/tools.js'
import type { ModelTool, ModelToolCall } from '../../models/provider.js'
import { SandboxError, type SandboxEvent, type SandboxSession } from '../../sandbox/sandbox.js'
import { ApiError } from '../../shared/errors.js'
import type { Annotator, ArgumentsReader, BuiltInContext, BuiltInResult, BuiltInTool } from '../built-in-tool.js'
import { codeIn, CodeReader } from './arguments.js'
import type { Interpreter } from './interpreter.js'
import { LinkAnnotator } from './links.js'
import { Outputs, withDelta, type CodeCall, type CodeDelta } from './outputs.js'
import { codeInterpreterResources } from './resources.js'
import { SessionsBusy, type Place, type Sessions } from './sessions.js'
import { loadState, saveState, Workspace, type CodeState } from './workspace.js'

type Declared = AssistantTool & { type: 'code_interpreter' }
type Context = BuiltInContext<Declared>
type Result = BuiltInResult<CodeCall, KeptCode>

/** What a call leaves for later turns. */
export interface KeptCode {
  /** What the model reads. */
  text: string
  /** The files of the thread's code, by path below `/mnt/data`. */
  files: Record<string, string>
}

const PYTHON_FUNCTION: ModelTool = {
  name: 'python',
  description: 'Runs Python code in a sandbox without network access, and returns what it prints, the value of its last expression, and tracebacks. ' +
    'Variables last from call to call. Files that the user has provided are in /mnt/data; write files for the user there, ' +
    'and link them in your answer as [name](sandbox:/mnt/data/name). Figures of matplotlib are shown to the user.',
  parameters: { type: 'object', properties: { code: { type: 'string', description: 'Python code.' } }, required: ['code'], additionalProperties: false }
}

const NO_CODE = 'No code was run: call the function with {"code": "…"}.'

/** `code_interpreter` (API reference, "Code Interpreter"): Python in a session of the thread's own. */
export class CodeInterpreterTool implements BuiltInTool<Declared, CodeCall, KeptCode, CodeDelta> {
  readonly type = 'code_interpreter'
  readonly resources = codeInterpreterResources
  readonly #interpreter: Interpreter | undefined

  /** @param interpreter undefined where no code may run: models are not offered the tool. */
  constructor (interpreter: Interpreter | undefined) {
    this.#interpreter = interpreter
  }

  declare (): Declared {
    return { type: 'code_interpreter' }
  }

  offer (): ModelTool | undefined {
    return this.#interpreter === undefined ? undefined : PYTHON_FUNCTION
  }

  begin ({ id, arguments: args }: ModelToolCall): CodeCall {
    return { id, type: 'code_interpreter', code_interpreter: { input: codeIn(args), outputs: [] } }
  }

  readArguments (): ArgumentsReader<CodeDelta> {
    const reader = new CodeReader()
    return {
      push (fragment) {
        const input = reader.push(fragment)
        return input === '' ? undefined : { type: 'code_interpreter', code_interpreter: { input } }
      }
    }
  }

  async * run (call: ModelToolCall, context: Context): AsyncGenerator<CodeDelta, Result, void> {
    const began = this.begin(call)
    if (this.#interpreter === undefined || began.code_interpreter.input.trim() === '') return yield * refused(began, NO_CODE)
    const found = await this.#interpreter.prepare()
    if (!found.ok) return yield * refused(began, 'No code was run: this server has no sandbox to run code in.')
    const { place, leave } = await found.sessions.enter(context.project, context.threadId, context.signal)
    try {
      return yield * new Execution(this.#interpreter, found.sessions, place, context).run(began)
    } finally {
      leave()
    }
  }

  output (call: CodeCall, kept: KeptCode | undefined): string {
    return kept?.text ?? call.code_interpreter.outputs.map(output => output.type === 'logs' ? output.logs : '[An image.]').join('\n')
  }

  apply (call: CodeCall, delta: CodeDelta): CodeCall {
    return withDelta(call, delta)
  }

  /** Input in one piece, and each output. */
  replay (call: CodeCall): CodeDelta[] {
    const { input, outputs } = call.code_interpreter
    return [
      { id: call.id, type: 'code_interpreter', code_interpreter: { input: '', outputs: [] } },
      ...input === '' ? [] : [{ type: 'code_interpreter' as const, code_interpreter: { input } }],
      ...outputs.map((output, index): CodeDelta => ({ type: 'code_interpreter', code_interpreter: { outputs: [{ index, ...output }] } }))
    ]
  }

  annotator (_calls: readonly CodeCall[], kept: readonly (KeptCode | undefined)[]): Annotator {
    const files = new Map(kept.flatMap(of => Object.entries(of?.files ?? {})))
    return new LinkAnnotator(path => files.get(path))
  }

  /** What the user is shown before the text that follows. */
  images (call: CodeCall): string[] {
    return call.code_interpreter.outputs.flatMap(output => output.type === 'image' ? [output.image.file_id] : [])
  }
}

function * refused (call: CodeCall, text: string): Generator<CodeDelta, Result, void> {
  const output = { type: 'logs' as const, logs: text }
  yield { type: 'code_interpreter', code_interpreter: { outputs: [{ index: 0, ...output }] } }
  return { call: { ...call, code_interpreter: { ...call.code_interpreter, outputs: [output] } }, kept: { text, files: {} } }
}

/** One call, in a place that it has to itself. */
class Execution {
  readonly #interpreter: Interpreter
  readonly #sessions: Sessions
  readonly #place: Place
  readonly #context: Context
  readonly #outputs: Outputs
  /** Notices for the model that accompany the output. */
  readonly #notes: string[] = []

  constructor (interpreter: Interpreter, sessions: Sessions, place: Place, context: Context) {
    this.#interpreter = interpreter
    this.#sessions = sessions
    this.#place = place
    this.#context = context
    this.#outputs = new Outputs(interpreter.limits)
  }

  async * run (began: CodeCall): AsyncGenerator<CodeDelta, Result, void> {
    const { project, threadId, signal } = this.#context
    const before = await loadState(this.#interpreter.records, project, threadId) ?? { session: '', files: {} }
    let written: Record<string, string> = {}
    try {
      const { session, isNew } = await this.#sessions.session(this.#place, signal)
      const workspace = new Workspace(this.#interpreter.files(project), this.#place, session)
      const isResumed = isNew && before.session !== ''
      if (isResumed) this.#notes.push('The Python session is a new one: variables of earlier calls are gone. Files in /mnt/data are there again.')
      this.#notes.push(...await workspace.stage(await this.#fileIds(), isNew ? before.files : {}))
      written = yield * this.#execute(session, workspace, began.code_interpreter.input)
    } catch (error) {
      signal.throwIfAborted()
      const note = this.#failure(error)
      const delta = this.#outputs.note(note)
      if (delta !== undefined) yield delta
    }
    const state: CodeState = { session: this.#place.sessionId, files: { ...before.files, ...written } }
    if (state.session !== before.session || Object.keys(written).length > 0) await saveState(this.#interpreter.records, project, threadId, state)
    return {
      call: { ...began, code_interpreter: { ...began.code_interpreter, outputs: this.#outputs.shown } },
      kept: { text: this.#modelText(written), files: { ...Object.fromEntries(this.#place.staged), ...state.files } }
    }
  }

  /** Those of the thread come first, because the user has just attached them. */
  async #fileIds (): Promise<string[]> {
    const { resources } = this.#context
    const ofThread = (await this.#context.threadResources())?.code_interpreter?.file_ids ?? []
    return [...new Set([...ofThread, ...resources?.code_interpreter?.file_ids ?? []])]
  }

  async * #execute (session: SandboxSession, workspace: Workspace, code: string): AsyncGenerator<CodeDelta, Record<string, string>, void> {
    const { limits } = this.#interpreter
    for await (const event of session.execute(code, { timeoutMs: limits.callMs, signal: this.#context.signal })) {
      if (event.type !== 'done') {
        const delta = event.type === 'text' ? this.#outputs.print(event.text) : await this.#image(event.png)
        if (delta !== undefined) yield delta
        continue
      }
      const note = this.#ending(event)
      const delta = note === undefined ? undefined : this.#outputs.note(note)
      if (delta !== undefined) yield delta
      if (event.status === 'died') return {}
      const { files, problems } = await workspace.save(event.files, limits.filesPerCall)
      this.#notes.push(...problems)
      return files
    }
    return {}
  }

  async #image (png: Buffer): Promise<CodeDelta | undefined> {
    try {
      return this.#outputs.image(await this.#saveImage(png))
    } catch (error) {
      // The project has as many files as it may have: code goes on without.
      if (!(error instanceof ApiError)) throw error
      return this.#outputs.note(`[An image could not be saved: ${error.message}]`)
    }
  }

  async #saveImage (png: Buffer): Promise<string> {
    const bytes = (async function * () { yield png })()
    return (await this.#interpreter.files(this.#context.project).create({ filename: 'image.png', purpose: 'assistants_output' }, bytes)).id
  }

  #ending ({ status, detail }: SandboxEvent & { type: 'done' }): string | undefined {
    if (status === 'timeout') return `[The code ran for more than ${this.#interpreter.limits.callMs / 1000} seconds and was stopped. Variables are kept.]`
    if (status === 'died') return `[The Python session has ended: ${detail}. Its variables are gone.]`
    return undefined
  }

  /** A sentence for what kept the code from running. Throws what is no matter of the sandbox. */
  #failure (error: unknown): string {
    if (error instanceof SessionsBusy) return '[The code was not run: all Python sessions of this server are busy. Try again later.]'
    if (!(error instanceof SandboxError)) throw error
    this.#interpreter.log.warn({ reason: error.message }, 'a call of code_interpreter found no session')
    return '[The code was not run: there is no Python session.]'
  }

  #modelText (written: Readonly<Record<string, string>>): string {
    const paths = Object.keys(written)
    const notes = [...this.#notes, ...paths.length === 0 ? [] : [`Files written: ${paths.map(path => `sandbox:/mnt/data/${path}`).join(', ')}`]]
    const text = this.#outputs.modelText
    return [text === '' && notes.length === 0 ? '[No output.]' : text, ...notes.map(note => `[${note}]`)].filter(part => part !== '').join('\n')
  }
}

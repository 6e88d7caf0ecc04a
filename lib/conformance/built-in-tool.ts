import { Value } from '@sinclair/typebox/value'
import type { DefineTest, SuiteTest } from '../../storage/conformance/runner.js'
import type { AnnotatedText, AnyBuiltInTool, BuiltInContext, BuiltInResult, ToolDeclaration, ToolStepDelta } from '../tools/built-in-tool.js'

/** A tool under test, and a call of it that succeeds. */
export interface BuiltInToolCase {
  tool: AnyBuiltInTool
  /** The tool as a request declares it. */
  param: ToolDeclaration
  /** Arguments of a call that succeeds, as JSON text. */
  arguments: string
  /** What the call may use of its run. Default: a run of project `default` without resources. */
  context?: Partial<BuiltInContext>
  /** A text that the tool's annotator finds something in after that call. Only for tools with an annotator. */
  annotated?: string
}

export interface BuiltInToolSuite {
  test: DefineTest
  /** A fresh case; what it opens is closed by the test's teardown. */
  factory (t: SuiteTest): BuiltInToolCase | Promise<BuiltInToolCase>
}

/** Arguments that models have written: none of them may end a run. */
const BAD_ARGUMENTS = ['', '{', 'null', '[]', '"text"', '42', '{}', '{"unknown":true}', '{"__proto__":{}}']

const copy = <T>(value: T): T => value === undefined ? value : JSON.parse(JSON.stringify(value)) as T

/** Everything that the run engine relies on in a built-in tool, as tests. */
export function builtInToolSuite ({ test, factory }: BuiltInToolSuite): void {
  const contextOf = (given: BuiltInToolCase, more: Partial<BuiltInContext> = {}): BuiltInContext => ({
    project: 'default',
    runId: 'run_test',
    threadId: 'thread_test',
    assistantId: 'asst_test',
    metadata: {},
    resources: null,
    threadResources: async () => null,
    signal: new AbortController().signal,
    ...given.context,
    declared: given.tool.declare(given.param),
    ...more
  })

  async function run (given: BuiltInToolCase, args: string, more: Partial<BuiltInContext> = {}): Promise<{ deltas: ToolStepDelta[], result: BuiltInResult }> {
    const deltas: ToolStepDelta[] = []
    const call = given.tool.run({ id: 'call_test', name: nameOf(given), arguments: args }, contextOf(given, more))
    for (let next = await call.next(); ; next = await call.next()) {
      if (next.done === true) return { deltas, result: next.value as BuiltInResult }
      deltas.push(next.value as ToolStepDelta)
    }
  }

  const nameOf = ({ tool, param }: BuiltInToolCase): string => tool.offer(tool.declare(param))?.name ?? ''

  test('a declaration is shown with its type, and declaring what is shown changes nothing', async t => {
    const { tool, param } = await factory(t)
    const declared = tool.declare(param)
    t.equal(declared.type, tool.type)
    t.strictSame(copy(declared), declared, 'it is plain JSON')
    t.strictSame(tool.declare(copy(declared)), declared)
  })

  test('the schema takes the declaration, what is shown of it, and no unknown key', async t => {
    const { tool, param } = await factory(t)
    if (tool.schema === undefined) {
      t.pass('the API defines the type')
      return
    }
    t.ok(Value.Check(tool.schema, param), 'as declared')
    t.ok(Value.Check(tool.schema, tool.declare(param)), 'as shown')
    t.equal(Value.Check(tool.schema, { ...param, unknown_key: 1 }), false)
    t.equal(Value.Check(tool.schema, { ...param, type: 'something_else' }), false)
  })

  test('the model is offered a function with a name that every vendor takes', async t => {
    const { tool, param } = await factory(t)
    const shown = tool.offer(tool.declare(param))
    t.match(shown?.name, /^[a-zA-Z0-9_-]{1,64}$/)
    t.strictSame(copy(shown), shown, 'it is plain JSON')
  })

  test('a call begins with its id and type, before and after its arguments are written', async t => {
    const given = await factory(t)
    const { tool, param } = given
    for (const args of ['', given.arguments]) {
      const call = tool.begin({ id: 'call_test', name: nameOf(given), arguments: args }, tool.declare(param))
      t.match(call, { id: 'call_test', type: tool.type })
      t.strictSame(copy(call), call, 'it is plain JSON')
    }
  })

  test('arguments are read fragment by fragment, however they are cut', async t => {
    const given = await factory(t)
    for (const size of [1, 3, given.arguments.length]) {
      const reader = given.tool.readArguments?.()
      for (let at = 0; at < given.arguments.length; at += size) {
        const delta = reader?.push(given.arguments.slice(at, at + size))
        if (delta !== undefined) t.equal(delta.type, given.tool.type)
      }
    }
    t.pass('read')
  })

  test('a call runs to a result that can be stored, with deltas of its type on the way', async t => {
    const given = await factory(t)
    const { deltas, result } = await run(given, given.arguments)
    t.match(result.call, { id: 'call_test', type: given.tool.type })
    t.strictSame(copy(result.call), result.call, 'the call is plain JSON')
    t.strictSame(copy(result.kept ?? null), result.kept ?? null, 'what is kept is plain JSON')
    t.ok(deltas.every(delta => delta.type === given.tool.type))
  })

  test('the model\'s output is made from the records alone, and is the same each time', async t => {
    const given = await factory(t)
    const { result } = await run(given, given.arguments)
    const output = given.tool.output(copy(result.call), copy(result.kept), 0)
    t.equal(typeof output, 'string')
    t.equal(given.tool.output(copy(result.call), copy(result.kept), 0), output)
    t.equal(typeof given.tool.output(copy(result.call), undefined, 7), 'string', 'also where what was kept is missing')
  })

  test('arguments that are wrong are a result that the model reads, not a failure', async t => {
    const given = await factory(t)
    for (const args of BAD_ARGUMENTS) {
      const { result } = await run(given, args)
      t.match(result.call, { id: 'call_test', type: given.tool.type }, args)
      t.equal(typeof given.tool.output(result.call, result.kept, 0), 'string', args)
    }
  })

  test('a call whose run was stopped ends', async t => {
    const given = await factory(t)
    const reason = new Error('stopped')
    const ended = await run(given, given.arguments, { signal: AbortSignal.abort(reason) }).then(() => 'ended', (error: unknown) => error)
    t.ok(ended === 'ended' || ended === reason, 'with a result or the signal\'s reason')
  })

  test('a finished call is replayed from its record, its first delta with the id', async t => {
    const given = await factory(t)
    const { result } = await run(given, given.arguments)
    const deltas = given.tool.replay(copy(result.call))
    t.match(deltas[0], { id: 'call_test', type: given.tool.type })
    t.ok(deltas.every((delta: ToolStepDelta) => delta.type === given.tool.type))
  })

  test('the deltas of a call add up to what it has put out', async t => {
    const given = await factory(t)
    const { tool, param } = given
    const { deltas, result } = await run(given, given.arguments)
    if (tool.apply === undefined) {
      t.pass('calls that do not end show how they began')
      return
    }
    const began = tool.begin({ id: 'call_test', name: nameOf(given), arguments: given.arguments }, tool.declare(param))
    t.strictSame(deltas.reduce((call, delta) => tool.apply!(call, delta), began), result.call)
  })

  test('include[] without a value that the tool knows adds nothing', async t => {
    const given = await factory(t)
    const { result } = await run(given, given.arguments)
    t.strictSame(given.tool.including?.(copy(result.call), copy(result.kept), []) ?? result.call, result.call)
  })

  test('an annotator loses no text and annotates the same passages, however the text is cut', async t => {
    const given = await factory(t)
    const { tool, annotated } = given
    if (tool.annotator === undefined || annotated === undefined) {
      t.pass('it annotates nothing')
      return
    }
    const { result } = await run(given, given.arguments)
    let whole: { text: string, passages: string[] } | undefined
    for (const size of [annotated.length, 1, 2, 5]) {
      const annotator = tool.annotator([copy(result.call)], [copy(result.kept)])
      const pieces: AnnotatedText[] = []
      for (let at = 0; at < annotated.length; at += size) pieces.push(...annotator.push(annotated.slice(at, at + size)))
      pieces.push(...annotator.end())
      const read = readPieces(pieces)
      t.equal(read.text, annotated, `pieces of ${size}`)
      t.ok(read.passages.length > 0, 'something is annotated')
      t.ok(pieces.every(({ value, annotations }) => annotations.every(({ start_index: start, end_index: end }) => start >= 0 && end <= value.length)), 'within its piece')
      whole ??= read
      t.strictSame(read, whole, `pieces of ${size}`)
    }
  })
}

/** The text that the pieces make, and the passages of it that are annotated. */
function readPieces (pieces: readonly AnnotatedText[]): { text: string, passages: string[] } {
  let text = ''
  const places: { start: number, end: number }[] = []
  for (const { value, annotations } of pieces) {
    for (const { start_index: start, end_index: end } of annotations) places.push({ start: text.length + start, end: text.length + end })
    text += value
  }
  return { text, passages: places.map(({ start, end }) => text.slice(start, end)) }
}

import { test } from 'tap'
import { Type } from '@sinclair/typebox'
import { z } from 'zod4'
import type { ServerTool } from '../../lib/tools/tool.js'
import { startServer } from '../helpers/server.js'
import { callTools, stepOutputs } from './helpers.js'

const execute = ({ a, b = 1 }: { a: number, b?: number }): string => `${a} and ${b}`
const good = { name: 'add', arguments: { a: 2 } }

const shownSchema = { type: 'object', properties: { a: { type: 'number', description: 'The first' }, b: { type: 'number' } }, required: ['a'] }

/** As an agent framework's `tool()` makes them: a Zod schema, and a plain description of itself. */
class FrameworkTool {
  name = 'add'
  description = 'Adds'
  parameters = z.object({ a: z.number().describe('The first'), b: z.number().optional() })
  category = 'math'
  #calls = 0

  execute (args: { a: number, b?: number }): string {
    this.#calls++
    return execute(args)
  }

  toJSON () {
    return { name: this.name, description: this.description, parameters: shownSchema }
  }
}

const TOOLS: Record<string, ServerTool<any>> = {
  'JSON Schema': { name: 'add', description: 'Adds', parameters: shownSchema, execute },
  'JSON Schema of 2020-12': { name: 'add', description: 'Adds', parameters: { $schema: 'https://json-schema.org/draft/2020-12/schema', ...shownSchema }, execute },
  'JSON Schema of 2019-09': { name: 'add', description: 'Adds', parameters: { $schema: 'https://json-schema.org/draft/2019-09/schema', ...shownSchema }, execute },
  'JSON Schema of draft 7': { name: 'add', description: 'Adds', parameters: { $schema: 'http://json-schema.org/draft-07/schema#', ...shownSchema }, execute },
  TypeBox: { name: 'add', description: 'Adds', parameters: Type.Object({ a: Type.Number({ description: 'The first' }), b: Type.Optional(Type.Number()) }), execute },
  'TypeBox with an id': { name: 'add', description: 'Adds', parameters: Type.Object({ a: Type.Number({ description: 'The first' }), b: Type.Optional(Type.Number()) }, { $id: 'Add' }), execute },
  Zod: { name: 'add', description: 'Adds', parameters: z.object({ a: z.number().describe('The first'), b: z.number().optional() }), execute },
  'an agent framework': new FrameworkTool()
}

for (const [kind, tool] of Object.entries(TOOLS)) {
  test(`a tool described by ${kind} is shown to the model as JSON Schema and runs`, async t => {
    const { shown, outputs, steps, run } = await callTools(t, [tool], [good])
    t.match(shown, [{ name: 'add', description: 'Adds', parameters: { type: 'object', properties: { a: { type: 'number', description: 'The first' }, b: { type: 'number' } }, required: ['a'] } }])
    t.strictSame(outputs, ['2 and 1'])
    t.strictSame(stepOutputs(steps), ['2 and 1'])
    t.equal(run.status, 'completed')
  })

  test(`arguments that do not fit ${kind} are answered with what is wrong, and the tool does not run`, async t => {
    const { outputs, run } = await callTools(t, [tool], [{ name: 'add', arguments: { a: 'two' } }, { name: 'add', arguments: {} }])
    t.equal(outputs.length, 2)
    for (const output of outputs) {
      t.match(output, /^Error: /)
      t.match(output, /\ba\b/, 'it names the argument')
      t.notMatch(output, / and /)
    }
    t.equal(run.status, 'completed', 'the model goes on from there')
  })
}

test('the same tool may serve several servers of a process', async t => {
  for (const kind of ['TypeBox with an id', 'Zod'] as const) {
    for (let i = 0; i < 2; i++) t.strictSame((await callTools(t, [TOOLS[kind]!], [good])).outputs, ['2 and 1'])
  }
})

test('keywords of the newer dialects are heeded', async t => {
  const parameters = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: { pair: { type: 'array', prefixItems: [{ type: 'string' }, { type: 'number' }], items: false } }
  }
  const tool = { name: 'pair', parameters, execute: () => 'fine' }
  const { outputs } = await callTools(t, [tool], [{ name: 'pair', arguments: { pair: ['a', 1] } }, { name: 'pair', arguments: { pair: [1, 'a'] } }])
  t.equal(outputs[0], 'fine')
  t.match(outputs[1], /^Error: .*pair/)
})

test('a Zod schema\'s defaults and transformations reach the tool', async t => {
  const tool = {
    name: 'greet',
    parameters: z.object({ name: z.string().trim().transform(name => name.toUpperCase()), times: z.number().default(2) }),
    execute: ({ name, times }: { name: string, times: number }) => Array(times).fill(name).join(' ')
  }
  // What it turns into cannot be shown, what it takes can.
  const described = { ...tool, toJSON: () => ({ name: 'greet', parameters: { type: 'object', properties: { name: { type: 'string' }, times: { type: 'number' } }, required: ['name'] } }) }
  t.strictSame((await callTools(t, [described], [{ name: 'greet', arguments: { name: ' ann ' } }])).outputs, ['ANN ANN'])
})

test('a Zod schema may check with a promise', async t => {
  const tool = {
    name: 'look',
    parameters: z.object({ id: z.string().refine(async id => id === 'known', 'no such thing') }),
    execute: ({ id }: { id: string }) => `found ${id}`
  }
  const { outputs, run } = await callTools(t, [tool], [{ name: 'look', arguments: { id: 'known' } }, { name: 'look', arguments: { id: 'other' } }])
  t.equal(outputs[0], 'found known')
  t.match(outputs[1], /^Error: [^]*no such thing/)
  t.equal(run.status, 'completed')
})

test('arguments are not coerced', async t => {
  const { outputs } = await callTools(t, [TOOLS['JSON Schema']!], [{ name: 'add', arguments: { a: '2' } }])
  t.match(outputs[0], /^Error: .*number/)
})

test('no arguments at all are an empty object', async t => {
  const tool = { name: 'now', parameters: { type: 'object', properties: {} }, execute: (args: object) => JSON.stringify(args) }
  t.strictSame((await callTools(t, [tool], [{ name: 'now', arguments: '' }])).outputs, ['{}'])
})

for (const [what, tool, message] of [
  ['without a name', { parameters: {}, execute }, /^"" is no name for a tool/],
  ['with a name that models refuse', { name: 'two words', parameters: {}, execute }, /^"two words" is no name for a tool/],
  ['without parameters', { name: 'add', execute }, /^The tool "add" has no parameters/],
  ['without execute', { name: 'add', parameters: {} }, /^The tool "add" has no execute function/],
  ['with parameters that are no schema', { name: 'add', parameters: { type: 'nothing' }, execute }, /^The parameters of the tool "add" are no valid JSON Schema/]
] as const) {
  test(`a tool ${what} stops the server from starting, with its name in the error`, async t => {
    await t.rejects(startServer(t, { tools: [tool as unknown as ServerTool] }), { name: 'TypeError', message })
  })
}

test('two tools of one name stop the server from starting', async t => {
  const tool = TOOLS['JSON Schema']!
  await t.rejects(startServer(t, { tools: [tool, tool] }), { name: 'TypeError', message: 'There are two tools named "add".' })
})

import { test } from 'tap'
import { diceTool } from '../../examples/extending/dice-tool.js'
import { builtInToolSuite } from '../../lib/conformance/built-in-tool.js'
import { createOpenAIAdapter } from '../../lib/adapter.js'
import { FileSearchTool } from '../../lib/tools/file-search/file-search.js'
import type { FileSearcher } from '../../lib/tools/file-search/search.js'
import { newAssistant, newThread, startServer, stopped } from '../helpers/server.js'
import { echo } from '../../lib/models/echo.js'
import { text, toolCalls } from '../helpers/upstream-replies.js'

builtInToolSuite({ test: async (name, body) => await test(`dice: ${name}`, body), factory: () => ({ tool: diceTool, param: { type: 'dice' }, arguments: '{"count":2}' }) })

builtInToolSuite({
  test: async (name, body) => await test(`file_search: ${name}`, body),
  factory: () => {
    const search: Pick<FileSearcher, 'search'> = {
      search: async () => [{ result: { file_id: 'file-1', file_name: 'a.md', score: 0.5, attributes: {} }, text: { text: 'Words.', page: 2 } }]
    }
    return {
      tool: new FileSearchTool({ vectorStores: () => undefined, searcher: search as FileSearcher }),
      param: { type: 'file_search' },
      arguments: '{"query":"words"}',
      annotated: 'So【0:0†a.md】 it is【 said【1†source】.'
    }
  }
})

test('a tool of one\'s own is declared, offered, run, streamed, stored and read again like one of the API', async t => {
  const server = await startServer(t, {
    builtInTools: [diceTool],
    script: [toolCalls([{ name: 'roll_dice', arguments: { count: 2 }, id: 'call_1' }]), text('Rolled.')]
  })
  // Without the helper's check: the official schema knows no such tool.
  const raw = async (method: string, path: string, body?: object) => await (await fetch(server.baseURL + path, {
    method, ...body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  })).json() as any
  const assistant = await raw('POST', '/assistants', { model: 'm', tools: [{ type: 'dice', dice: { sides: 4 } }] })
  t.strictSame(assistant.tools, [{ type: 'dice', dice: { sides: 4 } }])
  t.strictSame((await raw('POST', '/assistants', { model: 'm', tools: [{ type: 'dice' }] })).tools, [{ type: 'dice', dice: { sides: 6 } }], 'with its defaults')
  const thread = await newThread(server, 'Roll!')
  const started = await raw('POST', `/threads/${thread.id}/runs`, { assistant_id: assistant.id, tool_choice: { type: 'dice' } })
  t.match(started, { object: 'thread.run', tool_choice: { type: 'dice' } })
  const events = await (await fetch(`${server.baseURL}/threads/${thread.id}/runs/${started.id}/stream`)).text()
  t.match(events, /event: thread\.run\.completed/)
  t.match(events, /"index":0,"type":"dice","dice":\{"rolls":\[[1-4]\]\}/, 'each roll is streamed')
  const { data: [step] } = await raw('GET', `/threads/${thread.id}/runs/${started.id}/steps?order=asc`)
  const [call] = step.step_details.tool_calls
  t.match(call, { id: 'call_1', type: 'dice', dice: { rolls: [Number, Number] } })
  const [first, second] = server.upstream.chats.map(({ body }) => body as any)
  t.match(first.tools, [{ function: { name: 'roll_dice' } }])
  t.strictSame(first.tool_choice, { type: 'function', function: { name: 'roll_dice' } })
  t.strictSame(second.messages.at(-1), { role: 'tool', tool_call_id: 'call_1', content: call.dice.rolls.join(', ') })
})

test('its declaration is checked against its schema, and servers without the tool refuse the type', async t => {
  const server = await startServer(t, { builtInTools: [diceTool] })
  t.match(await server.post('/assistants', { model: 'm', tools: [{ type: 'dice', dice: { sides: 1 } }] }),
    { status: 400, body: { error: { param: 'tools[0].dice.sides', code: 'integer_below_min_value' } } })
  t.match(await server.post('/assistants', { model: 'm', tools: [{ type: 'dice', sides: 3 }] }), { status: 400, body: { error: { param: 'tools[0].sides', code: 'unknown_parameter' } } })
  t.match(await server.post('/assistants', { model: 'm', tools: [{ type: 'cards' }] }),
    { status: 400, body: { error: { message: 'Invalid value: \'cards\'. Supported values are: \'code_interpreter\', \'file_search\', \'function\', and \'dice\'.' } } })
  const plain = await startServer(t)
  t.match(await plain.post('/assistants', { model: 'm', tools: [{ type: 'dice' }] }), { status: 400, body: { error: { param: 'tools[0].type', code: 'invalid_value' } } })
})

test('the in-process adapter takes the same tools', async t => {
  const adapter = createOpenAIAdapter(echo(), { builtInTools: [diceTool] })
  t.teardown(async () => await adapter.close())
  const assistant = await adapter.createAssistant({ model: 'echo', tools: [{ type: 'dice' } as never] })
  t.strictSame(assistant.tools, [{ type: 'dice', dice: { sides: 6 } }])
  await t.rejects(async () => await adapter.createAssistant({ model: 'echo', tools: [{ type: 'cards' } as never] }), { message: /cards/ })
})

test('two tools of one type, or one of type function, are refused by name', async t => {
  await t.rejects(startServer(t, { builtInTools: [diceTool, diceTool] }), { message: /There are two tools of type "dice"/ })
  await t.rejects(startServer(t, { builtInTools: [{ ...diceTool, type: 'function' }] }), { message: /"function"/ })
})

test('a function of the tool\'s name takes its place', async t => {
  const server = await startServer(t, { builtInTools: [diceTool], script: [toolCalls([{ name: 'roll_dice', arguments: {}, id: 'call_1' }])] })
  const assistant = await newAssistant(server, { tools: [{ type: 'function', function: { name: 'roll_dice' } }] })
  const thread = await newThread(server, 'Roll!')
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.equal(run.status, 'requires_action')
})

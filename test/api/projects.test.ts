import { test } from 'tap'
import { newAssistant, newThread, startServer, stopped, type TestServer } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'

const ALPHA = { authorization: 'Bearer sk-alpha' }
const BETA = { authorization: 'Bearer sk-beta' }

/** The server as the holder of one key sees it. */
function as (server: TestServer, headers: Record<string, string>): TestServer {
  return {
    ...server,
    request: async (method, path, body, more) => await server.request(method, path, body, { ...headers, ...more }),
    get: async path => await server.get(path, headers),
    post: async (path, body) => await server.post(path, body, headers),
    delete: async path => await server.delete(path, headers)
  }
}

test('what one project made does not exist for another', async t => {
  const server = await startServer(t, {
    apiKeys: { 'sk-alpha': 'alpha', 'sk-beta': 'beta' },
    script: [toolCalls([{ name: 'f', arguments: {}, id: 'call_1' }])]
  })
  const [alpha, beta] = [as(server, ALPHA), as(server, BETA)]
  const assistant = await newAssistant(alpha, { tools: [{ type: 'function', function: { name: 'f' } }] })
  const thread = await newThread(alpha, 'Hello')
  const run = await stopped(alpha, (await alpha.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.equal(run.status, 'requires_action')
  const [step] = (await alpha.get(`/threads/${thread.id}/runs/${run.id}/steps`)).body.data
  const [message] = (await alpha.get(`/threads/${thread.id}/messages`)).body.data
  const [own, ownAssistant] = [await newThread(beta, 'Mine'), await newAssistant(beta)]
  const before = await Promise.all(['', '/messages', '/runs'].map(async path => (await alpha.get(`/threads/${thread.id}${path}`)).body))

  const noThread = `No thread found with id '${thread.id}'.`
  const noAssistant = `No assistant found with id '${assistant.id}'.`
  const refusals: [method: string, path: string, body: unknown, message: string][] = [
    ['GET', `/assistants/${assistant.id}`, undefined, noAssistant],
    ['POST', `/assistants/${assistant.id}`, { name: 'stolen' }, noAssistant],
    ['DELETE', `/assistants/${assistant.id}`, undefined, noAssistant],
    ['GET', `/assistants?after=${assistant.id}`, undefined, noAssistant],
    ['GET', `/threads/${thread.id}`, undefined, noThread],
    ['POST', `/threads/${thread.id}`, { metadata: {} }, noThread],
    ['DELETE', `/threads/${thread.id}`, undefined, noThread],
    ['POST', `/threads/${thread.id}/messages`, { role: 'user', content: 'x' }, noThread],
    ['GET', `/threads/${thread.id}/messages`, undefined, noThread],
    ['GET', `/threads/${thread.id}/messages/${message.id}`, undefined, noThread],
    ['POST', `/threads/${thread.id}/messages/${message.id}`, { metadata: {} }, noThread],
    ['DELETE', `/threads/${thread.id}/messages/${message.id}`, undefined, noThread],
    ['GET', `/threads/${own.id}/messages/${message.id}`, undefined, `No message found with id '${message.id}'.`],
    ['POST', `/threads/${thread.id}/runs`, { assistant_id: ownAssistant.id }, noThread],
    ['POST', `/threads/${own.id}/runs`, { assistant_id: assistant.id }, noAssistant],
    ['POST', '/threads/runs', { assistant_id: assistant.id }, noAssistant],
    ['GET', `/threads/${thread.id}/runs`, undefined, noThread],
    ['GET', `/threads/${thread.id}/runs/${run.id}`, undefined, noThread],
    ['GET', `/threads/${own.id}/runs/${run.id}`, undefined, `No run found with id '${run.id}'.`],
    ['POST', `/threads/${thread.id}/runs/${run.id}`, { metadata: {} }, noThread],
    ['POST', `/threads/${thread.id}/runs/${run.id}/cancel`, undefined, noThread],
    ['POST', `/threads/${thread.id}/runs/${run.id}/submit_tool_outputs`, { tool_outputs: [{ tool_call_id: 'call_1', output: 'x' }] }, noThread],
    ['GET', `/threads/${thread.id}/runs/${run.id}/steps`, undefined, noThread],
    ['GET', `/threads/${thread.id}/runs/${run.id}/steps/${step.id}`, undefined, noThread]
  ]
  for (const [method, path, body, text] of refusals) {
    t.match(await beta.request(method, path, body), { status: 404, body: { error: { message: text, type: 'invalid_request_error', param: null, code: null } } }, `${method} ${path}`)
  }

  t.strictSame((await beta.get('/assistants')).body.data, [ownAssistant])
  t.equal((await beta.get(`/threads/${own.id}/messages`)).body.data.length, 1)
  t.strictSame(await Promise.all(['', '/messages', '/runs'].map(async path => (await alpha.get(`/threads/${thread.id}${path}`)).body)), before, 'nothing of it has changed')
})

test('several keys of one project see the same', async t => {
  const server = await startServer(t, { apiKeys: { 'sk-alpha': 'one', 'sk-beta': 'one' } })
  const assistant = await newAssistant(as(server, ALPHA))
  t.strictSame((await as(server, BETA).get(`/assistants/${assistant.id}`)).body, assistant)
})

test('runs of two projects do not wait for each other', async t => {
  const server = await startServer(t, { apiKeys: { 'sk-alpha': 'alpha', 'sk-beta': 'beta' }, script: [text('one'), text('two')] })
  const runs = await Promise.all([ALPHA, BETA].map(async headers => {
    const mine = as(server, headers)
    const [assistant, thread] = [await newAssistant(mine), await newThread(mine, 'Hello')]
    return await stopped(mine, (await mine.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  }))
  t.strictSame(runs.map(run => run.status), ['completed', 'completed'])
})

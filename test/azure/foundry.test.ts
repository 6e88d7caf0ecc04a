import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AgentsClient, RunStreamEvent, ToolUtility } from '@azure/ai-agents'
import { rewriteAzureUrl } from '../../lib/http/azure.js'
import { root } from '../helpers/paths.js'
import { startServer, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'

const pem = readFileSync(join(root, 'test/data/localhost.pem'), 'utf8')

/** A server with TLS that knows callers by tokens, and the client of a Foundry project that has one. */
async function start (t: Test, options: TestServerOptions = {}): Promise<{ server: TestServer, client: AgentsClient }> {
  const server = await startServer(t, {
    foundryTools: true,
    apiKeys: ({ headers }) => headers.authorization === 'Bearer a-token' ? 'tenant' : undefined,
    fastify: { https: { key: pem, cert: pem }, rewriteUrl: rewriteAzureUrl('/v1') } as never,
    ...options
  })
  const { port } = server.app.server.address() as AddressInfo
  const credential = { getToken: async () => ({ token: 'a-token', expiresOnTimestamp: Date.now() + 3_600_000 }) }
  const client = new AgentsClient(`https://localhost:${port}/api/projects/mine`, credential, { tlsOptions: { ca: pem }, retryOptions: { maxRetries: 0 } } as never)
  return { server, client }
}

/** A run that neither waits for the model nor is being made. The client's own poller throws for those that fail, and waits on for those that need outputs. */
async function stopped (client: AgentsClient, threadId: string, agentId: string): Promise<any> {
  for (let run = await client.runs.create(threadId, agentId); ; run = await client.runs.get(threadId, run.id)) {
    if (run.status !== 'queued' && run.status !== 'in_progress') return run
  }
}

async function all<T> (items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

t.test('the Foundry client has its agents, threads, messages, runs, steps and streams over TLS', async t => {
  const { client } = await start(t, { script: [text('Hello from here'), text(['one', ' two'])] })
  const agent = await client.createAgent('gpt-4o', { name: 'Mine', instructions: 'Be brief.' })
  t.match(await client.getAgent(agent.id), { name: 'Mine', model: 'gpt-4o' })
  t.match(await client.updateAgent(agent.id, { name: 'Yours' }), { name: 'Yours' })
  t.strictSame((await all(client.listAgents())).map(({ id }) => id), [agent.id])
  const thread = await client.threads.create({ metadata: { a: 'b' } })
  t.strictSame((await all(client.threads.list())).map(({ id }) => id), [thread.id])
  await client.messages.create(thread.id, 'user', 'Well?')
  const run = await client.runs.createAndPoll(thread.id, agent.id, { pollingOptions: { intervalInMs: 1 } })
  t.equal(run.status, 'completed')
  t.strictSame((await all(client.messages.list(thread.id, { order: 'asc' }))).map(({ content }) => (content[0] as any).text.value), ['Well?', 'Hello from here'])
  t.match(await all(client.runSteps.list(thread.id, run.id)), [{ type: 'message_creation', status: 'completed' }])
  const events: string[] = []
  for await (const { event } of await client.runs.create(thread.id, agent.id).stream()) events.push(event)
  t.equal(events[0], RunStreamEvent.ThreadRunCreated)
  t.equal(events.filter(event => event === 'thread.message.delta').length, 2)
  t.strictSame(events.slice(-2), [RunStreamEvent.ThreadRunCompleted, 'done'])
  t.equal((await all(client.runs.list(thread.id))).length, 2)
  await client.threads.delete(thread.id)
  await client.deleteAgent(agent.id)
  t.strictSame(await all(client.listAgents()), [])
})

t.test('the Foundry client answers calls of its functions', async t => {
  const { client } = await start(t, { script: [toolCalls([{ name: 'weather', arguments: { city: 'Riga' }, id: 'call_1' }]), text('Rain')] })
  const { definition } = ToolUtility.createFunctionTool({ name: 'weather', description: 'Tells it', parameters: { type: 'object', properties: { city: { type: 'string' } } } })
  const agent = await client.createAgent('gpt-4o', { tools: [definition] })
  const thread = await client.threads.create({ messages: [{ role: 'user', content: 'Weather?' }] })
  const waiting = await stopped(client, thread.id, agent.id)
  t.match(waiting, { status: 'requires_action', requiredAction: { submitToolOutputs: { toolCalls: [{ id: 'call_1', function: { name: 'weather' } }] } } })
  await client.runs.submitToolOutputs(thread.id, waiting.id, [{ toolCallId: 'call_1', output: 'rain' }])
  for (;;) {
    const { status } = await client.runs.get(thread.id, waiting.id)
    if (status === 'completed') break
    t.ok(['queued', 'in_progress'].includes(status), status)
  }
})

t.test('the Foundry client has its files and vector stores', async t => {
  const { client } = await start(t)
  const file = await client.files.upload(new Blob(['The meeting is at noon.']).stream(), 'assistants', { fileName: 'a.txt' })
  t.match(await client.files.get(file.id), { filename: 'a.txt', purpose: 'assistants' })
  const store = await client.vectorStores.createAndPoll({ fileIds: [file.id], name: 'Notes', pollingOptions: { intervalInMs: 1 } })
  t.match(store, { status: 'completed', fileCounts: { completed: 1 } })
  t.strictSame((await all(client.vectorStoreFiles.list(store.id))).map(({ id }) => id), [file.id])
  await client.vectorStores.delete(store.id)
  await client.files.delete(file.id)
})

const queue = (name: string) => ({ type: 'storage_queue', storage_queue: { queue_service_endpoint: 'https://example.com', queue_name: name } })

const tools: any[] = [
  { type: 'bing_grounding', bing_grounding: { search_configurations: [{ connection_id: '/c/1', count: 5 }] } },
  { type: 'azure_ai_search' },
  { type: 'openapi', openapi: { name: 'weather', spec: { openapi: '3.1.0', paths: {} }, auth: { type: 'anonymous' } } },
  { type: 'connected_agent', connected_agent: { id: 'asst_x', name: 'other', description: 'Another' } },
  { type: 'azure_function', azure_function: { function: { name: 'f', parameters: { a: 1 } }, input_binding: queue('in'), output_binding: queue('out') } },
  { type: 'mcp', server_label: 'docs', server_url: 'https://example.com/mcp', allowed_tools: [] },
  { type: 'deep_research', deep_research: { deep_research_model: 'o3' } },
  { type: 'sharepoint_grounding', sharepoint_grounding: { connections: [] } },
  { type: 'fabric_dataagent', fabric_dataagent: { connections: [] } },
  { type: 'browser_automation', browser_automation: { connection: { id: '/c/2' } } }
]

t.test('tools that Foundry alone can run are kept and shown as they were sent, and a run says why it fails', async t => {
  const { server, client } = await start(t, { script: [text('never')] })
  const https = async (path: string, body: object): Promise<any> => {
    const { payload } = await server.app.inject({ method: 'POST', url: `/v1${path}`, payload: body, headers: { authorization: 'Bearer a-token' } })
    return JSON.parse(payload)
  }
  const resources = { azure_ai_search: { indexes: [{ index_name: 'i', index_connection_id: '/c/3' }] }, mcp: [{ server_label: 'docs', headers: {}, require_approval: 'never' }] }
  for (const tool of tools) {
    const assistant = await https('/assistants', { model: 'm', tools: [tool], tool_resources: resources })
    t.strictSame(assistant.tools, [tool], tool.type)
    t.match(assistant.tool_resources, resources)
    const thread = await client.threads.create({ messages: [{ role: 'user', content: 'x' }] })
    const run = await stopped(client, thread.id, assistant.id)
    t.match(run, { status: 'failed', lastError: { code: 'server_error', message: `The tool '${tool.type}' runs in Azure AI Foundry only. Give this server a server tool of this name` } })
  }
  t.strictSame(server.upstream.chats, [], 'no model was asked')
})

t.test('a server tool of the name takes a Foundry tool\'s place', async t => {
  const { client } = await start(t, {
    script: [toolCalls([{ name: 'bing_grounding', arguments: { query: 'noon' } }]), text('Found')],
    tools: [{ name: 'bing_grounding', description: 'Searches', parameters: { type: 'object', properties: { query: { type: 'string' } } }, execute: async () => 'a page' }]
  })
  const agent = await client.createAgent('gpt-4o', { tools: [ToolUtility.createBingGroundingTool([{ connectionId: '/c/1' }]).definition] })
  const thread = await client.threads.create({ messages: [{ role: 'user', content: 'Search' }] })
  t.match(await client.runs.createAndPoll(thread.id, agent.id, { pollingOptions: { intervalInMs: 1 } }), { status: 'completed' })
})

t.test('without the option such tools are refused as the API does', async t => {
  const server = await startServer(t)
  t.match(await server.post('/assistants', { model: 'm', tools: [{ type: 'bing_grounding', bing_grounding: {} }] }), { status: 400, body: { error: { param: 'tools[0].type' } } })
})

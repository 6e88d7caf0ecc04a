import t, { type Test } from 'tap'
import { AzureOpenAI as Azure6 } from 'openai'
import { rewriteAzureUrl } from '../../lib/http/azure.js'
import { sdks as majors } from '../helpers/sdk.js'
import { startServer, type TestServer, type TestServerOptions } from '../helpers/server.js'
import { embedText, text } from '../helpers/upstream.js'
import { ask, messages } from '../chat/helpers.js'

type Options = Record<string, unknown>

const sdks: { name: string, connect (options: Options): Azure6 }[] = majors.map(({ name, load }) => ({ name: `AzureOpenAI of ${name}`, connect: options => new (load().AzureOpenAI)(options) }))

async function start (t: Test, options: TestServerOptions = {}): Promise<TestServer & { endpoint: string }> {
  const server = await startServer(t, { apiKeys: ['azure-key'], fastify: { rewriteUrl: rewriteAzureUrl('/v1') }, ...options })
  return { ...server, endpoint: new URL(server.baseURL).origin }
}

for (const sdk of sdks) {
  t.test(`${sdk.name} has its assistants, threads, messages and runs`, async t => {
    const server = await start(t, { script: [text('Hello from Azure'), text('And again')] })
    for (const deployment of [undefined, 'bound']) {
      const { beta } = sdk.connect({ endpoint: server.endpoint + '/', apiKey: 'azure-key', apiVersion: '2024-10-21', deployment, maxRetries: 0 })
      const assistant = await beta.assistants.create({ model: 'gpt-4o' })
      t.equal(assistant.model, 'gpt-4o')
      const thread = await beta.threads.create({ messages })
      await beta.threads.messages.create(thread.id, { role: 'user', content: 'Well?' })
      const run = await beta.threads.runs.stream(thread.id, { assistant_id: assistant.id }).finalRun()
      t.equal(run.status, 'completed')
      const { data } = await beta.threads.messages.list(thread.id, { limit: 1 })
      t.match(data[0]?.content[0], { text: { value: deployment === undefined ? 'Hello from Azure' : 'And again' } })
      t.ok((await beta.assistants.list({ limit: 1 })).data.length === 1)
    }
  })

  t.test(`${sdk.name} has chat completions, embeddings and models`, async t => {
    const server = await start(t, { script: [text('Hello'), text('one two'), text('bound')] })
    const options = { endpoint: server.endpoint, apiKey: 'azure-key', apiVersion: '2024-10-21', maxRetries: 0 }
    const client = sdk.connect(options)
    const completion = await client.chat.completions.create({ model: 'default/gpt-4o', messages })
    t.match(completion, { model: 'gpt-4o', choices: [{ message: { content: 'Hello' } }] })
    let words = ''
    for await (const chunk of await client.chat.completions.create({ model: 'gpt-4o', messages, stream: true })) words += chunk.choices[0]?.delta.content ?? ''
    t.equal(words, 'one two')
    const bound = await sdk.connect({ ...options, deployment: 'my-deployment' }).chat.completions.create({ model: 'gpt-4o', messages })
    t.equal(bound.model, 'my-deployment', 'the deployment wins over the body')
    const { data } = await client.embeddings.create({ model: 'embedder', input: 'red apple' })
    t.strictSame([...data[0]!.embedding], [...Float32Array.from(embedText('red apple'))])
    t.strictSame((await client.models.list()).data.map(({ id }) => id), ['test-model'])
  })

  t.test(`${sdk.name} is refused without a key that is known`, async t => {
    const server = await start(t)
    const client = sdk.connect({ endpoint: server.endpoint, apiKey: 'another-azure-key', apiVersion: '2024-10-21', maxRetries: 0 })
    await t.rejects(client.chat.completions.create({ model: 'm', messages }), { status: 401, code: 'invalid_api_key' })
    await t.rejects(client.beta.threads.create(), { status: 401, code: 'invalid_api_key' })
  })
}

t.test('a token of Azure\'s directory is a key as any other', async t => {
  const server = await start(t, { apiKeys: ['ad-token'], script: [text('Hello')] })
  const client = new Azure6({ endpoint: server.endpoint, azureADTokenProvider: async () => 'ad-token', apiVersion: '2024-10-21', maxRetries: 0 })
  t.ok(await client.chat.completions.create({ model: 'm', messages }))
})

t.test('only the address names a deployment, whatever else a client writes', async t => {
  const server = await start(t, { script: [text('Hello'), text('Hello'), text('Hello')] })
  const headers = { 'api-key': 'azure-key', 'x-ms-deployment': 'other', 'x-azure-deployment': 'other', 'x-original-url': '/openai/deployments/other/chat/completions' }
  const body = { model: 'mine', messages, deployment: 'other' }
  await ask(server, '/chat/completions?url=/openai/deployments/other/chat/completions', body, headers)
  await ask({ baseURL: `${server.endpoint}/openai` }, '/chat/completions', body, headers)
  await ask({ baseURL: `${server.endpoint}/openai/deployments/theirs` }, '/chat/completions', { messages }, headers)
  t.strictSame(server.upstream.chats.map(({ body }) => body.model), ['mine', 'mine', 'theirs'])
})

t.test('an address that leads nowhere is a 404 in the envelope, without a redirect', async t => {
  const server = await start(t)
  const headers = { 'api-key': 'azure-key' }
  t.match(await ask({ baseURL: `${server.endpoint}/openai` }, '/deployments/m/images/generations?api-version=1', {}, headers), { status: 404, body: { error: { message: 'Invalid URL (POST /v1/deployments/m/images/generations)' } } })
  t.match(await ask(server, '/chat/completions', { messages }, headers), { status: 400 }, 'our own addresses stay as they are')
})

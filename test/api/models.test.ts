import { Writable } from 'node:stream'
import { FakeCogitator, textChunks } from '../helpers/cogitator.js'
import { test } from 'tap'
import { sdks } from '../helpers/sdk.js'
import { covers, newAssistant, newThread, startServer, stopped } from '../helpers/server.js'
import { error, startUpstream, text } from '../helpers/upstream.js'

for (const sdk of sdks) {
  test(`${sdk.name}: the models of the upstream are listed and read`, async t => {
    covers(t, 'listModels', 'retrieveModel')
    const upstream = await startUpstream(t, { models: ['small', 'org/large:7b'] })
    const { models } = (await startServer(t, { upstream })).client(sdk)
    const expected = ['small', 'org/large:7b'].map(id => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'upstream' }))
    const listed = []
    for await (const model of models.list()) listed.push(model)
    t.strictSame(listed, expected)
    for (const model of expected) t.strictSame({ ...await models.retrieve(model.id) }, model)
  })
}

test('an unknown model is a 404 that names it', async t => {
  const server = await startServer(t)
  for (const [path, shown] of [['none', 'none'], ['a/b', 'a/b'], ['a%2Fb', 'a/b'], ['%C3%BC', 'ü']] as const) {
    t.match(await server.get(`/models/${path}`), {
      status: 404, body: { error: { message: `The model '${shown}' does not exist`, type: 'invalid_request_error', param: 'model', code: 'model_not_found' } }
    }, path)
  }
})

test('models of several providers stand behind their names, and aliases among them', async t => {
  const [near, far] = [await startUpstream(t, { models: ['m'] }), await startUpstream(t, { models: ['m'], script: [text('From afar.')] })]
  const server = await startServer(t, {
    providers: { near: { baseURL: near.url }, far: { baseURL: far.url } }, aliases: { 'gpt-4': 'far/m' }
  })
  t.strictSame((await server.get('/models')).body.data.map(({ id }: any) => id).sort(), ['far/m', 'gpt-4', 'm'])
  for (const path of ['/models/far/m', '/models/far%2Fm']) t.match(await server.get(path), { status: 200, body: { id: 'far/m', object: 'model' } })
  t.match((await server.get('/models/gpt-4')).body, { id: 'gpt-4' })
  const [assistant, thread] = [await newAssistant(server, { model: 'gpt-4' }), await newThread(server, 'Hello')]
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.match(run, { status: 'completed', model: 'gpt-4' }, 'objects show the name that was asked for')
  t.equal(far.chats[0]?.body.model, 'm')
})

test('a provider that is down leaves the list empty and the server alive', async t => {
  const upstream = await startUpstream(t)
  upstream.enqueueAt('/models', error(500))
  const server = await startServer(t, { upstream })
  t.match(await server.get('/models'), { status: 200, body: { object: 'list', data: { length: 0 } } })
  t.equal((await server.get('/health')).status, 200)
})

test('the log says which provider could not be asked for its models, and why', async t => {
  const upstream = await startUpstream(t)
  upstream.enqueueAt('/models', error(500))
  const lines: string[] = []
  const stream = new Writable({
    write (line, _encoding, callback) {
      lines.push(String(line))
      callback()
    }
  })
  const server = await startServer(t, { fastify: { logger: { level: 'warn', stream } }, providers: { broken: { baseURL: upstream.url, maxRetries: 0 } } })
  await server.get('/models')
  t.match(lines.map(line => JSON.parse(line)), [{ level: 40, provider: 'broken', msg: /list/, err: { message: 'The upstream failed.' } }])
})

test('without any provider there is echo', async t => {
  covers(t, 'getReady')
  const server = await startServer(t, { providers: {} })
  t.match((await server.get('/models')).body.data, [{ id: 'echo' }])
  t.match(await server.get('/ready'), { status: 200, body: { status: 'ok' } })
  const [assistant, thread] = [await newAssistant(server, { model: 'echo' }), await newThread(server, 'Hello echo')]
  await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  const [answer] = (await server.get(`/threads/${thread.id}/messages`)).body.data
  t.equal(answer.content[0].text.value, 'Hello echo')
})

for (const sdk of sdks) {
  test(`${sdk.name}: no model can be deleted`, async t => {
    const server = await startServer(t)
    const { models } = server.client(sdk) as unknown as { models: { delete?: (id: string) => Promise<unknown>, del?: (id: string) => Promise<unknown> } }
    const remove = (id: string) => (models.delete ?? models.del)!.call(models, id)
    await t.rejects(remove('test-model'), { status: 403, code: 'insufficient_permissions', param: 'model' })
    await t.rejects(remove('ft:none/of/ours'), { status: 404, code: 'model_not_found' })
  })
}

test('a Cogitator instance as the provider lists "cogitator", which stands for defaultModel', async t => {
  const cogitator = new FakeCogitator()
  const server = await startServer(t, { provider: cogitator, defaultModel: 'ollama/llama3.2' })
  t.match((await server.get('/models')).body.data, [{ id: 'cogitator', object: 'model' }])
  t.equal((await server.get('/models/cogitator')).status, 200)
  cogitator.enqueue(textChunks(['Hello']))
  const assistant = (await server.post('/assistants', { model: 'cogitator' })).body
  const { client } = server
  const run = await client().beta.threads.createAndRunPoll({ assistant_id: assistant.id, thread: { messages: [{ role: 'user', content: 'Hi' }] } })
  t.equal(run.status, 'completed')
  t.match(cogitator.calls, [{ provider: 'ollama', request: { model: 'llama3.2' } }])

  const bare = await startServer(t, { provider: new FakeCogitator() })
  t.match((await bare.get('/models')).body.data, [{ id: 'cogitator' }])
  const named = await startServer(t, { providers: { here: new FakeCogitator() }, aliases: { cogitator: 'openai/gpt-4o' }, defaultModel: 'x' })
  t.strictSame((await named.get('/models')).body.data.map(({ id }: any) => id), ['cogitator'], 'an alias of one\'s own wins')
})

test('a run whose model the provider does not have says which there are, and the alias that would help', async t => {
  const near = await startUpstream(t, { models: ['nomic-embed-text', 'a', 'b', 'c', 'd', 'e', 'f', 'g'] })
  const far = await startUpstream(t, { models: ['far-model'] })
  const server = await startServer(t, { providers: { near: { baseURL: near.url }, far: { baseURL: far.url } } })
  const failed = async (model: string): Promise<any> => {
    const [assistant, thread] = [await newAssistant(server, { model }), await newThread(server, 'Hello')]
    return await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  }
  near.enqueue(error(404, 'model "gpt-4o" not found, try pulling it first'))
  t.match(await failed('gpt-4o'), {
    status: 'failed',
    last_error: { code: 'server_error', message: 'model "gpt-4o" not found, try pulling it first. The provider "near" has: a, b, c, d, e, and 2 more. To have one of them answer: --alias gpt-4o=a' }
  })
  far.enqueue(error(404, { message: 'No such model.', type: 'invalid_request_error', param: null, code: 'model_not_found' }))
  t.match(await failed('far/gpt'), { last_error: { message: 'No such model. The provider "far" has: far-model. To have one of them answer: --alias far/gpt=far/far-model' } })
  near.enqueue(error(400, 'temperature is too high'))
  t.match(await failed('a'), { last_error: { message: 'temperature is too high' } }, 'other failures stay as they are')
})

test('a run whose model is unknown fails as the provider says when that lists none', async t => {
  const upstream = await startUpstream(t, { models: [] })
  const server = await startServer(t, { upstream })
  upstream.enqueue(error(404, 'model "m" not found'))
  const [assistant, thread] = [await newAssistant(server, { model: 'm' }), await newThread(server, 'Hello')]
  t.match(await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body), { last_error: { message: 'model "m" not found' } })
})

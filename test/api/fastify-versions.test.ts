/** The paths on which the plugin leans on Fastify itself, driven on the oldest version of the peer range and on the installed one. */
import { toFile } from 'openai'
import { test } from 'tap'
import { fastifyVersions } from '../helpers/fastify.js'
import { newAssistant, newThread, startServer } from '../helpers/server.js'
import { Gate, gated, text, toolCalls } from '../helpers/upstream.js'

for (const version of fastifyVersions) {
  const fastify = `Fastify ${version.version}`

  test(`${fastify}: a run streams, waits for a function, and ends`, async t => {
    const server = await startServer(t, { version, script: [toolCalls([{ name: 'weather', arguments: { city: 'Rome' }, id: 'call_a' }]), text('Warm.')] })
    const [assistant, thread] = [await newAssistant(server, { tools: [{ type: 'function', function: { name: 'weather' } }] }), await newThread(server, 'Hello')]
    const { runs } = server.client().beta.threads
    const waiting = await runs.stream(thread.id, { assistant_id: assistant.id }).finalRun()
    t.equal(waiting.status, 'requires_action')
    const stream = runs.submitToolOutputsStream(waiting.id, { thread_id: thread.id, tool_outputs: [{ tool_call_id: 'call_a', output: 'warm' }] })
    t.equal((await stream.finalRun()).status, 'completed')
    t.match(await stream.finalMessages(), [{ content: [{ text: { value: 'Warm.' } }] }])
  })

  test(`${fastify}: files go in as a form and come out as bytes`, async t => {
    const server = await startServer(t, { version })
    const { files } = server.client()
    const file = await files.create({ file: await toFile(Buffer.from('one\ntwo'), 'notes.txt'), purpose: 'assistants' })
    t.match(file, { bytes: 7, filename: 'notes.txt' })
    t.equal(await (await files.content(file.id)).text(), 'one\ntwo')
    t.match(await server.post('/files', 'no form', { 'content-type': 'multipart/form-data; boundary=x' }), { status: 400, body: { error: { type: 'invalid_request_error' } } })
  })

  test(`${fastify}: keys, cross-origin requests, wrong bodies, unknown paths and the description answer as ever`, async t => {
    const server = await startServer(t, { version, apiKeys: ['sk-test'], cors: { origin: 'https://app.example' } })
    const authorization = 'Bearer sk-test'
    t.match(await server.get('/assistants'), { status: 401, body: { error: { message: /API key/ } } })
    t.match(await server.get('/nowhere', { authorization }), { status: 404, body: { error: { message: 'Invalid URL (GET /v1/nowhere)' } } })
    t.match(await server.post('/threads', '{', { authorization }), { status: 400 })
    t.match(await server.post('/threads', { metadata: { n: 5 } }, { authorization }), { status: 400, body: { error: { param: 'metadata.n' } } })
    t.match(await server.post('/threads', '', { authorization }), { status: 200 })
    const preflight = await fetch(`${server.baseURL}/threads`, {
      method: 'OPTIONS', headers: { origin: 'https://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,openai-beta' }
    })
    t.equal(preflight.status, 204)
    t.equal(preflight.headers.get('access-control-allow-origin'), 'https://app.example')
    t.match(await server.get('/openapi.json'), { status: 200, body: { openapi: /^3\.1/ } })
  })

  test(`${fastify}: closing the app ends the streams that are open`, async t => {
    const gate = new Gate()
    t.teardown(() => gate.open(Infinity))
    const server = await startServer(t, { version, script: [gated(text('Never.'), gate)] })
    const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
    const stream = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    await stream.until('thread.run.in_progress')
    await server.close()
    t.notOk((await stream.all()).some(({ event }) => event === 'thread.run.completed'))
  })
}

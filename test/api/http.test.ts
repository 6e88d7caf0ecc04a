import { request as httpRequest } from 'node:http'
import { once } from 'node:events'
import { text as readText } from 'node:stream/consumers'
import { test } from 'tap'
import { covers, newAssistant, newThread, startServer, stopped, type TestServer } from '../helpers/server.js'
import { text } from '../helpers/upstream.js'

/** A request with exactly these headers: `fetch` adds some, and refuses others. */
async function raw (server: TestServer, method: string, path: string, headers: Record<string, string | number> = {}, body?: string) {
  const request = httpRequest(server.baseURL + path, { method, headers })
  request.end(body)
  const [response] = await once(request, 'response')
  const content = await readText(response)
  return { status: response.statusCode as number, headers: response.headers as Record<string, string>, text: content, body: content.startsWith('{') ? JSON.parse(content) : undefined }
}

test('every answer carries the headers that clients look at, errors too', async t => {
  covers(t, 'getHealth')
  const server = await startServer(t, { apiKeys: ['sk-right'] })
  const key = { authorization: 'Bearer sk-right' }
  const answers = [
    await server.get('/assistants', key),
    await server.post('/assistants', {}, key),
    await server.get('/assistants'),
    await server.get('/nowhere', key),
    await server.post('/threads', '{', key),
    await server.get('/health')
  ]
  t.strictSame(answers.map(answer => answer.status), [200, 400, 401, 404, 400, 200])
  for (const { headers } of answers) {
    t.match(headers.get('x-request-id'), /^req_[0-9a-f]{32}$/)
    t.equal(headers.get('openai-version'), '2020-10-01')
    t.match(headers.get('openai-processing-ms'), /^\d+$/)
    t.equal(headers.get('content-type'), 'application/json; charset=utf-8')
  }
  t.equal(new Set(answers.map(({ headers }) => headers.get('x-request-id'))).size, answers.length, 'each has an id of its own')
})

test('what the server answers to is told without a key', async t => {
  covers(t, 'getOpenApi')
  const server = await startServer(t, { apiKeys: ['sk-right'] })
  const { status, body } = await server.get('/openapi.json')
  t.equal(status, 200)
  t.match(body, { openapi: /^3\.1/, paths: Object })
})

test('no body at all is an empty one, whatever the content type says', async t => {
  const server = await startServer(t)
  const bodiless: [string, Record<string, string | number>][] = [
    ['neither type nor length', {}],
    ['a length of zero', { 'content-length': 0 }],
    ['JSON announced', { 'content-type': 'application/json', 'content-length': 0 }],
    ['JSON announced, with a charset', { 'content-type': 'application/json; charset=utf-8', 'content-length': 0 }],
    ['JSON announced, chunked', { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }]
  ]
  for (const [name, headers] of bodiless) {
    const created = await raw(server, 'POST', '/threads', headers)
    t.match(created, { status: 200, body: { object: 'thread' } }, `POST with ${name}`)
    t.strictSame(created.body.metadata, {}, `POST with ${name}`)
    t.match(await raw(server, 'GET', `/threads/${created.body.id}`, headers), { status: 200 }, `GET with ${name}`)
    t.match(await raw(server, 'DELETE', `/threads/${created.body.id}`, headers), { status: 200, body: { deleted: true } }, `DELETE with ${name}`)
  }
})

test('a run is cancelled without a body', async t => {
  const server = await startServer(t, { script: [text('Hi.')] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  const answer = await raw(server, 'POST', `/threads/${thread.id}/runs/${run.id}/cancel`, { 'content-type': 'application/json', 'content-length': 0 })
  t.match(answer, { status: 400, body: { error: { message: "Cannot cancel run with status 'completed'." } } })
})

test('a body that is no JSON object is refused', async t => {
  const server = await startServer(t)
  const broken = { message: /^We could not parse the JSON body of your request/, type: 'invalid_request_error', param: null, code: null }
  for (const body of ['{', '{"model":}', 'model=x', '\u0000', '{"model":"m"}}', '﻿{"model":"m"}x']) {
    t.match(await server.post('/assistants', body), { status: 400, body: { error: broken } }, JSON.stringify(body))
  }
  for (const [body, what] of [['[1]', 'an array'], ['"x"', 'a string'], ['1', 'an integer'], ['true', 'a boolean']] as const) {
    t.match(await server.post('/assistants', body), { status: 400, body: { error: { message: `Invalid type: expected an object, but got ${what} instead.`, param: null, code: 'invalid_type' } } }, body)
  }
  t.match(await server.post('/assistants', 'null'), { status: 400, body: { error: { message: "Missing required parameter: 'model'." } } })
  t.strictSame((await server.get('/assistants')).body.data, [])
})

test('JSON is taken under every name of it, anything else is a 415', async t => {
  const server = await startServer(t)
  for (const type of ['application/json', 'APPLICATION/JSON; charset=UTF-8', 'application/vnd.api+json']) {
    t.equal((await server.post('/assistants', { model: 'm' }, { 'content-type': type })).status, 200, type)
  }
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'application/jsonx', 'application/json-seq', 'nonsense']) {
    t.match(await server.post('/assistants', { model: 'm' }, { 'content-type': type }), { status: 415, body: { error: { type: 'invalid_request_error', code: 'unsupported_content_type' } } }, type)
  }
})

test('a body over the limit is a 413, before it is read, and the server goes on', async t => {
  const server = await startServer(t)
  const request = httpRequest(`${server.baseURL}/assistants`, { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': 2 ** 30 } })
  request.flushHeaders()
  const [response] = await once(request, 'response')
  t.equal(response.statusCode, 413)
  t.match(JSON.parse(await readText(response)), { error: { type: 'invalid_request_error', param: null, code: 'request_too_large' } })
  request.destroy()
  t.equal((await server.get('/assistants')).status, 200)
})

test('an unknown path or method is named in the 404', async t => {
  const server = await startServer(t)
  const unknown: [method: string, path: string][] = [
    ['GET', '/nowhere'], ['POST', '/assistants/asst_1/files'], ['PUT', '/threads/thread_1'], ['PATCH', '/assistants'], ['GET', '/'], ['GET', '/threads/thread_1/nowhere']
  ]
  for (const [method, path] of unknown) {
    t.match(await server.request(method, `${path}?limit=1`), {
      status: 404, body: { error: { message: `Invalid URL (${method} /v1${path})`, type: 'invalid_request_error', param: null, code: null } }
    }, `${method} ${path}`)
  }
})

test('HEAD answers as GET does, without the body', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  for (const path of ['/assistants', `/threads/${thread.id}`, '/models', '/health']) {
    const head = await raw(server, 'HEAD', path)
    const get = await raw(server, 'GET', path)
    t.match(head, { status: 200, text: '', headers: { 'content-type': get.headers['content-type'], 'content-length': get.headers['content-length'], 'x-request-id': /^req_/ } }, path)
  }
  t.equal((await raw(server, 'HEAD', '/threads/thread_none')).status, 404)
})

test('a browser of any origin may call, as its preflight is told', async t => {
  const server = await startServer(t, { apiKeys: ['sk-right'] })
  const preflight = await raw(server, 'OPTIONS', '/threads/runs', {
    origin: 'https://app.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type,openai-beta,x-stainless-os'
  })
  t.equal(preflight.status, 204)
  t.equal(preflight.text, '')
  t.match(preflight.headers, {
    'access-control-allow-origin': 'https://app.example',
    'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
    'access-control-allow-headers': 'authorization,content-type,openai-beta,x-stainless-os'
  })
  t.match(preflight.headers.vary, /Origin/i)
})

test('answers, errors and streams tell a browser that it may read them', async t => {
  const server = await startServer(t, { apiKeys: ['sk-right'], script: [text('Hi.')] })
  const headers = { origin: 'https://app.example', authorization: 'Bearer sk-right' }
  const assistant = (await server.post('/assistants', { model: 'm', instructions: 'x' }, headers)).body
  const stream = await server.stream('/threads/runs', { assistant_id: assistant.id }, headers)
  const answers = [
    await server.get('/assistants', headers),
    await server.get('/nowhere', headers),
    await server.get('/assistants', { origin: 'https://app.example' }),
    stream.response
  ]
  t.strictSame(answers.map(answer => answer.status), [200, 404, 401, 200])
  for (const answer of answers) {
    t.equal(answer.headers.get('access-control-allow-origin'), 'https://app.example')
    t.match(answer.headers.get('access-control-expose-headers'), 'x-request-id', 'and what the SDKs look for in it')
  }
  await stream.all()
})

test('cross-origin access is configured, or left to the host', async t => {
  const headers = { origin: 'https://app.example' }
  const restricted = await startServer(t, { allowedHosts: ['*'], cors: { origin: ['https://other.example'] } })
  t.equal((await raw(restricted, 'GET', '/assistants', headers)).headers['access-control-allow-origin'], undefined)
  t.equal((await raw(restricted, 'GET', '/assistants', { origin: 'https://other.example' })).headers['access-control-allow-origin'], 'https://other.example')
  const off = await startServer(t, { allowedHosts: ['*'], cors: false })
  t.equal((await raw(off, 'GET', '/assistants', headers)).headers['access-control-allow-origin'], undefined)
  t.equal((await raw(off, 'OPTIONS', '/assistants', { ...headers, 'access-control-request-method': 'GET' })).status, 404)
})

test('a stream is told apart by its headers', async t => {
  const server = await startServer(t, { script: [text('Hi.')] })
  const { id } = await newAssistant(server)
  const stream = await server.stream('/threads/runs', { assistant_id: id })
  t.match(Object.fromEntries(stream.response.headers), {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': /no-cache/,
    'x-accel-buffering': 'no',
    'x-request-id': /^req_[0-9a-f]{32}$/,
    'openai-version': '2020-10-01',
    'openai-processing-ms': /^\d+$/
  })
  t.notOk(stream.response.headers.has('content-length'))
  await stream.all()
})

test('the bodies of PHP, of editors and of curl are read', async t => {
  const server = await startServer(t, { script: [text('Hi')] })
  const assistant = await newAssistant(server, { tools: [{ type: 'function', function: { name: 'f', parameters: [] } }], metadata: [], tool_resources: [] })
  t.strictSame([assistant.metadata, assistant.tool_resources, assistant.tools.map((tool: any) => tool.function.parameters)], [{}, {}, [{}]])
  t.strictSame((await server.post('/threads', [])).body.metadata, {})
  const thread = await server.post('/threads', { messages: [], metadata: [], tool_resources: { code_interpreter: [] } })
  t.strictSame([thread.status, thread.body.metadata], [200, {}])
  t.match(await server.post('/assistants', []), { status: 400, body: { error: { code: 'missing_required_parameter', param: 'model' } } })
  t.match(await server.post('/threads', ['x']), { status: 400, body: { error: { code: 'invalid_type' } } })
  t.match(await server.post('/threads', { metadata: ['x'] }), { status: 400, body: { error: { code: 'invalid_type', param: 'metadata' } } })
  t.match(await server.post('/threads', '\uFEFF{"metadata":{"a":"b"}}'), { status: 200, body: { metadata: { a: 'b' } } })
  const json = { 'content-type': 'application/json' }
  for (const blank of ['', ' ', '\r\n', '\uFEFF', '\uFEFF \n']) t.match(await raw(server, 'POST', '/threads', json, blank), { status: 200, body: { object: 'thread' } }, JSON.stringify(blank))
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/octet-stream', 'application/xml; charset=utf-8']) {
    t.match(await raw(server, 'POST', '/threads', { 'content-type': type, 'content-length': 0 }), { status: 200, body: { object: 'thread' } }, `curl -d '' as ${type}`)
    t.match(await raw(server, 'POST', '/threads', { 'content-type': type, 'content-length': 2 }, '{}'), { status: 415, body: { error: { code: 'unsupported_content_type' } } }, type)
  }
})

test('an array in a query is written as clients write it', async t => {
  const server = await startServer(t, { script: [text('Hi')] })
  const { id } = await newAssistant(server)
  const thread = await newThread(server, 'Hello')
  const { body } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: id })
  const run = await stopped(server, body)
  const path = `/threads/${thread.id}/runs/${run.id}/steps`
  const value = 'step_details.tool_calls[*].file_search.results[*].content'
  for (const name of ['include', 'include[]', 'include[0]', 'include[1]', 'include%5B0%5D', 'include%5B%5D']) {
    t.match(await server.get(`${path}?${name}=${encodeURIComponent(value)}`), { status: 200, body: { object: 'list' } }, name)
    t.match(await server.get(`${path}?${name}=x`), { status: 400, body: { error: { param: 'include[0]', code: 'invalid_value' } } }, `${name} is read`)
  }
  t.match(await server.get(`${path}?include[1]=x&include[0]=${encodeURIComponent(value)}`), { status: 400, body: { error: { param: 'include[1]' } } }, 'in the order of their places')
})

test('a function without a description has null for it, and the model is sent none', async t => {
  const server = await startServer(t, { script: [text('Hi')] })
  const functions = [{ name: 'a', description: null }, { name: 'b' }, { name: 'c', description: 'Does c.' }]
  const assistant = await newAssistant(server, { tools: functions.map(definition => ({ type: 'function', function: definition })) })
  t.strictSame(assistant.tools.map((tool: any) => tool.function.description), [null, null, 'Does c.'])
  const thread = await newThread(server, 'Hello')
  const { body } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  await stopped(server, body)
  t.strictSame(server.upstream.chats[0]!.body.tools.map((tool: any) => 'description' in tool.function), [false, false, true])
})

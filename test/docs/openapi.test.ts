import swagger from '@fastify/swagger'
import { Validator } from '@seriousme/openapi-schema-validator'
import Fastify from 'fastify'
import { test, type Test } from 'tap'
import openaiCompat, { buildServer, type OpenAICompatOptions } from '../../lib/index.js'
import { startServer } from '../helpers/server.js'
import { OPERATIONS } from '../operations.js'

/** The document of a plugin that is registered with these options. */
async function documentOf (t: Test, options: OpenAICompatOptions): Promise<any> {
  const app = Fastify()
  t.teardown(async () => await app.close())
  await app.register(openaiCompat, options)
  const answer = await app.inject(`${options.prefix ?? ''}/openapi.json`)
  t.equal(answer.statusCode, 200)
  t.match(answer.headers['content-type'], /^application\/json/)
  return answer.json()
}

for (const prefix of ['', '/v1', '/deep/er/v1']) {
  test(`below "${prefix}" the document is valid OpenAPI 3.1`, async t => {
    const document = await documentOf(t, { prefix })
    t.equal(document.openapi, '3.1.0')
    t.strictSame(document.servers, [{ url: prefix === '' ? '/' : prefix }])
    const { valid, errors } = await new Validator().validate(structuredClone(document))
    t.ok(valid, JSON.stringify(errors, null, 2))
  })
}

test('every operation of the API is described: its parameters, its answer, its stream, its errors', async t => {
  const { paths, components } = await documentOf(t, { prefix: '/v1' })
  for (const { id, method, path } of OPERATIONS) {
    const operation = paths[path.replace(/:(\w+)/g, '{$1}').replace('*', '{model}')]?.[method.toLowerCase()]
    if (!t.ok(operation, `${method} ${path}`)) continue
    t.equal(operation.operationId, id)
    t.match(operation.tags, [/^[A-Z][a-z ]+$/])
    t.match(operation.summary, /^[A-Z]/)
    t.strictSame(operation.responses.default.content['application/json'].schema, { $ref: '#/components/schemas/OpenAIError' })
    t.strictSame((operation.parameters ?? []).filter((parameter: any) => parameter.in === 'path').map((parameter: any) => parameter.name),
      [...path.matchAll(/:(\w+)|\*/g)].map(([, name]) => name ?? 'model'), id)
    t.ok(operation.responses['200'].content, id)
  }
  const described = Object.values(paths).flatMap((methods: any) => Object.values(methods).map((operation: any) => operation.operationId))
  t.equal(new Set(described).size, described.length, 'no operationId twice')

  const createRun = paths['/threads/{thread_id}/runs'].post
  t.strictSame(createRun.requestBody, { required: true, content: { 'application/json': { schema: { $ref: '#/components/schemas/CreateRunRequest' } } } })
  t.strictSame(createRun.responses['200'].content['application/json'].schema, { $ref: '#/components/schemas/Run' })
  for (const id of ['createRun', 'createThreadAndRun', 'submitToolOutputsToRun', 'streamRun', 'createChatCompletion']) {
    const operation = Object.values(paths).flatMap((methods: any) => Object.values(methods)).find((operation: any) => operation.operationId === id) as any
    t.ok(operation.responses['200'].content['text/event-stream'], id)
  }
  t.strictSame(paths['/threads'].post.requestBody.required, false, 'no body is an empty one')
  t.match(paths['/files'].post.requestBody.content, { 'multipart/form-data': { schema: { required: ['file', 'purpose'] } } })
  for (const name of ['Assistant', 'Thread', 'Message', 'Run', 'RunStep', 'FileObject', 'StreamEvent', 'OpenAIError']) t.ok(components.schemas[name], name)
})

test('every reference leads somewhere, and nothing of our own is left in the schemas', async t => {
  const document = await documentOf(t, { prefix: '/v1' })
  const text = JSON.stringify(document)
  for (const [, name = ''] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) t.ok(document.components.schemas[name], name)
  t.notMatch(text, /idPrefix|"exclusive"|def-\d/)
})

test('keys are asked for where the server asks for them, and the document needs none', async t => {
  t.equal((await documentOf(t, {})).security, undefined)
  const { security, paths } = await documentOf(t, { apiKeys: ['sk-secret'] })
  t.strictSame(security, [{ bearer: [] }, { azure: [] }])
  t.equal(paths['/assistants'].get.security, undefined)
  t.strictSame(paths['/health'].get.security, [])
  t.strictSame(paths['/openapi.json'].get.security, [])
})

test('the standalone server has it below its prefix and at the root', async t => {
  const app = buildServer({ apiKeys: ['sk-secret'] })
  t.teardown(async () => await app.close())
  const [root, below] = [await app.inject('/openapi.json'), await app.inject('/v1/openapi.json')]
  t.equal(root.statusCode, 200)
  t.strictSame(root.json(), below.json())
})

test('a host that describes its own routes goes on doing so, and two APIs in one host have a document each', async t => {
  const server = await startServer(t, {
    prepare: async app => {
      await app.register(swagger, { openapi: { info: { title: 'The host', version: '7' } } })
      app.get('/mine', { schema: { operationId: 'mine' } }, async () => 'mine')
      await app.register(openaiCompat, { prefix: '/two' })
    }
  })
  const host = server.app.swagger() as any
  t.equal(host.info.title, 'The host')
  t.ok(host.paths['/mine'])
  const one = (await server.app.inject('/v1/openapi.json')).json()
  const two = (await server.app.inject('/two/openapi.json')).json()
  t.strictSame([one.servers, two.servers], [[{ url: '/v1' }], [{ url: '/two' }]])
  t.strictSame(Object.keys(one.paths), Object.keys(two.paths))
  t.notOk('/mine' in one.paths)
})

import { test } from 'tap'
import { newAssistant, newThread, startServer } from '../helpers/server.js'

/** Characters of a text, as the API allows them. */
const LONGEST = 256_000

test('instructions of a run are as long as the API allows, and no longer', async t => {
  const server = await startServer(t)
  const assistant = await newAssistant(server)
  const thread = await newThread(server, 'Hello')
  for (const name of ['instructions', 'additional_instructions']) {
    const { status, body } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id, [name]: 'a'.repeat(LONGEST + 1) })
    t.equal(status, 400)
    t.match(body.error, { code: 'string_above_max_length', param: name })
  }
})

/** Everything in a schema of a request that a caller can make as long as a body, by its path. */
function unbounded (schema: any, path = ''): string[] {
  if (schema.anyOf !== undefined) return schema.anyOf.flatMap((choice: any) => unbounded(choice, path))
  switch (schema.type) {
    case 'array': return [...schema.maxItems === undefined ? [path] : [], ...unbounded(schema.items, `${path}[]`)]
    case 'string': return schema.maxLength === undefined && schema.const === undefined ? [path] : []
    case 'object': {
      if (schema.patternProperties !== undefined) return schema.maxProperties === undefined ? [path] : unbounded(Object.values(schema.patternProperties)[0], `${path}.*`)
      if (schema.additionalProperties === true) return schema.maxJsonLength === undefined ? [path] : []
      return Object.entries(schema.properties).flatMap(([name, property]) => unbounded(property, `${path}.${name}`))
    }
    default: return []
  }
}

test('nothing in a request is as long as the caller likes: arrays, texts and objects have bounds', async t => {
  const bodies = new Map<string, object>()
  await startServer(t, {
    prepare: app => app.addHook('onRoute', ({ schema, url, method }) => {
      if (schema?.body !== undefined) bodies.set(`${String(method)} ${url}`, schema.body as object)
    })
  })
  t.ok(bodies.size >= 15, `${bodies.size} routes take a body`)
  // What goes to the vendor as it stands is the vendor's to refuse; the body's own bounds hold.
  const passedOn = ['POST /v1/chat/completions', 'POST /v1/embeddings']
  for (const [route, schema] of bodies) {
    if (!passedOn.includes(route)) t.strictSame(unbounded(schema), [], route)
  }
})

test('a list of files that do not exist is refused with the names of a few, after a look at a few', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  const ids = Array.from({ length: 500 }, (_, i) => `file-${String(i).padStart(400, 'x')}`)
  const attachments = ids.map(id => ({ file_id: id, tools: [] }))
  const { status, body } = await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Hi', attachments })
  t.equal(status, 404)
  t.ok(body.error.message.length < 10_000, `${body.error.message.length} characters`)
  t.match(body.error.message, ids[0])
})

test('a thread has no more files for the code interpreter than the API allows, however they come', async t => {
  const server = await startServer(t)
  const files: string[] = []
  for (let i = 0; i < 21; i++) files.push((await server.client().files.create({ file: new File(['x'], 'a.txt'), purpose: 'assistants' })).id)
  const attachments = files.map(id => ({ file_id: id, tools: [{ type: 'code_interpreter' }] }))
  const thread = await newThread(server)
  const { status, body } = await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Hi', attachments })
  t.equal(status, 400)
  t.match(body.error, { code: 'array_above_max_length', param: 'attachments' })
  t.equal((await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Hi', attachments: attachments.slice(1) })).status, 200)
})

test('an image is somewhere on the web or in the message, and nowhere else', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  for (const url of ['file:///etc/passwd', 'ftp://example.com/a.png', 'javascript:alert(1)', '/a.png', 'data:text/html,x', ' https://example.com/a.png']) {
    const { status, body } = await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: [{ type: 'image_url', image_url: { url } }] })
    t.equal(status, 400, url)
    t.equal(body.error.param, 'content[0].image_url.url')
  }
})

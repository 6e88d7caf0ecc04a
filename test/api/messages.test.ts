import { test } from 'tap'
import { sdks } from '../helpers/sdk.js'
import { covers, newAssistant, newThread, startServer, stopped } from '../helpers/server.js'
import { Gate, gated, text, toolCalls } from '../helpers/upstream.js'

for (const sdk of sdks) {
  test(`${sdk.name}: a message is created, read, listed, modified and deleted`, async t => {
    covers(t, 'createMessage', 'getMessage', 'listMessages', 'modifyMessage', 'deleteMessage')
    const server = await startServer(t)
    const { messages } = server.client(sdk).beta.threads
    const thread = await newThread(server)
    const message = await messages.create(thread.id, { role: 'user', content: 'Hello', metadata: { a: 'b' } })
    const { id, created_at: at } = message
    t.match(id, /^msg_[0-9A-Za-z]{24}$/)
    t.strictSame(message, {
      id,
      object: 'thread.message',
      created_at: at,
      thread_id: thread.id,
      status: 'completed',
      incomplete_details: null,
      completed_at: at,
      incomplete_at: null,
      role: 'user',
      content: [{ type: 'text', text: { value: 'Hello', annotations: [] } }],
      assistant_id: null,
      run_id: null,
      attachments: [],
      metadata: { a: 'b' }
    })
    const parents = { thread_id: thread.id }
    t.strictSame(await messages.retrieve(id, parents), message)
    t.strictSame((await messages.list(thread.id)).data, [message])
    const modified = await messages.update(id, { ...parents, metadata: { c: 'd' } })
    t.strictSame(modified, { ...message, metadata: { c: 'd' } })
    t.strictSame(await messages.retrieve(id, parents), modified)
    t.strictSame(await messages.delete(id, parents), { id, object: 'thread.message.deleted', deleted: true })
    await t.rejects(messages.retrieve(id, parents), { status: 404, message: `404 No message found with id '${id}'.` })
  })
}

test('content is a string or parts, and is shown as parts', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  const shown = async (content: unknown) => (await server.post(`/threads/${thread.id}/messages`, { role: 'user', content })).body.content
  const textPart = (value: string) => ({ type: 'text', text: { value, annotations: [] } })
  t.strictSame(await shown('Grüße 🐸\n'), [textPart('Grüße 🐸\n')])
  t.strictSame(await shown('a null \u0000 and half a pair \ud83d'), [textPart('a null \u0000 and half a pair \ud83d')])
  t.strictSame(await shown([{ type: 'text', text: 'a' }, { type: 'text', text: '' }]), [textPart('a'), textPart('')])
  t.strictSame(await shown([{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }, { type: 'text', text: 'What is it?' }]),
    [{ type: 'image_url', image_url: { url: 'https://example.com/a.png', detail: 'auto' } }, textPart('What is it?')])
  t.strictSame(await shown([{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } }]),
    [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } }])
})

test('null stands for no attachments and no metadata', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  const { body } = await server.post(`/threads/${thread.id}/messages`, { role: 'assistant', content: 'Hi', attachments: null, metadata: null })
  t.match(body, { role: 'assistant', assistant_id: null, run_id: null })
  t.strictSame([body.attachments, body.metadata], [[], {}])
})

test('a refused message is not kept', async t => {
  const server = await startServer(t)
  const thread = await newThread(server, 'Hello')
  const refusals: [body: unknown, status: number, error: object][] = [
    [{ role: 'user', content: [] }, 400, { message: "Invalid 'content': empty array. Expected an array with minimum length 1, but got an empty array instead.", param: 'content', code: 'empty_array' }],
    [{ role: 'user', content: null }, 400, { message: "Invalid type for 'content': expected one of a string or array of objects, but got null instead.", param: 'content', code: 'invalid_type' }],
    [{ role: 'user', content: 'x'.repeat(256_001) }, 400, { param: 'content', code: 'string_above_max_length' }],
    [{ role: 'user', content: [{ type: 'text', text: 'x'.repeat(256_001) }] }, 400, { param: 'content[0].text', code: 'string_above_max_length' }],
    [{ role: 'user', content: [{ type: 'text' }] }, 400, { param: 'content[0].text', code: 'missing_required_parameter' }],
    [{ role: 'user', content: [{ type: 'audio', audio: {} }] }, 400, { param: 'content[0].type', code: 'invalid_value' }],
    [{ role: 'user', content: [{ text: 'x' }] }, 400, { param: 'content[0].type', code: 'missing_required_parameter' }],
    [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://x', detail: 'huge' } }] }, 400, { param: 'content[0].image_url.detail', code: 'invalid_value' }],
    [{ role: 'user', content: [{ type: 'image_file', image_file: { file_id: 'file-1' } }] }, 404, { message: 'Files [file-1] were not found' }],
    [{ role: 'tool', content: 'x' }, 400, { message: "Invalid value: 'tool'. Supported values are: 'user' and 'assistant'.", param: 'role', code: 'invalid_value' }],
    [{ role: 'user', content: 'x', attachments: [{ file_id: 'file-1', tools: [{ type: 'file_search' }] }] }, 404, { message: 'Files [file-1] were not found' }],
    [{ role: 'user', content: 'x', attachments: [{ file_id: 'file-1', tools: [{ type: 'function' }] }] }, 400, { param: 'attachments[0].tools[0].type', code: 'invalid_value' }],
    [{ role: 'user', content: 'x', file_ids: [] }, 400, { message: "Unknown parameter: 'file_ids'.", param: 'file_ids', code: 'unknown_parameter' }]
  ]
  for (const [body, status, error] of refusals) {
    const answer = await server.post(`/threads/${thread.id}/messages`, body)
    t.match(answer, { status, body: { error: { type: 'invalid_request_error', ...error } } }, answer.body.error?.message)
  }
  t.equal((await server.get(`/threads/${thread.id}/messages`)).body.data.length, 1)
})

test('a text of 256,000 characters is taken, however many bytes a client makes of it', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  const { status, body } = await server.post(`/threads/${thread.id}/messages`, `{"role":"user","content":"${'\\u5b57'.repeat(256_000)}"}`)
  t.equal(status, 200)
  t.equal(body.content[0].text.value.length, 256_000)
})

test('only the metadata of a message can be modified', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  const { body: message } = await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Hi', metadata: { a: '1', b: '2' } })
  const modify = async (fields: object) => await server.post(`/threads/${thread.id}/messages/${message.id}`, fields)
  t.strictSame((await modify({})).body, message)
  t.strictSame((await modify({ metadata: { c: '3' } })).body.metadata, { c: '3' })
  t.strictSame((await modify({ metadata: null })).body.metadata, {})
  t.match(await modify({ content: 'Bye', metadata: { d: '4' } }), { status: 400, body: { error: { code: 'unknown_parameter', param: 'content' } } })
  t.strictSame((await server.get(`/threads/${thread.id}/messages/${message.id}`)).body, { ...message, metadata: {} })
})

test('messages are found under their own thread only', async t => {
  const server = await startServer(t)
  const [one, other] = [await newThread(server, 'Hello'), await newThread(server)]
  const [message] = (await server.get(`/threads/${one.id}/messages`)).body.data
  const path = `/threads/${other.id}/messages/${message.id}`
  const error = { message: `No message found with id '${message.id}'.`, type: 'invalid_request_error', param: null, code: null }
  t.match(await server.get(path), { status: 404, body: { error } })
  t.match(await server.post(path, { metadata: { a: 'b' } }), { status: 404, body: { error } })
  t.match(await server.delete(path), { status: 404, body: { error } })
  t.strictSame((await server.get(`/threads/${one.id}/messages/${message.id}`)).body, message)
})

test('the list can be narrowed to the messages of one run', async t => {
  const server = await startServer(t, { script: [text('one'), text('two')] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const runs = []
  for (let n = 0; n < 2; n++) {
    const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    runs.push(await stopped(server, run))
  }
  for (const [run, value] of [[runs[0], 'one'], [runs[1], 'two']]) {
    const { body } = await server.get(`/threads/${thread.id}/messages?run_id=${run.id}`)
    t.match(body, { data: [{ role: 'assistant', run_id: run.id, assistant_id: assistant.id, content: [{ text: { value } }] }], has_more: false })
    t.equal(body.data.length, 1)
  }
  t.strictSame((await server.get(`/threads/${thread.id}/messages?run_id=run_none`)).body, { object: 'list', data: [], first_id: null, last_id: null, has_more: false })
  t.match(await server.get(`/threads/${thread.id}/messages?run_id=xyz`), {
    status: 400, body: { error: { message: "Invalid 'run_id': 'xyz'. Expected an ID that begins with 'run'.", param: 'run_id', code: 'invalid_value' } }
  })
  t.equal((await server.get(`/threads/${thread.id}/messages`)).body.data.length, 3)
})

test('the messages of one run come in pages too', async t => {
  const call = (n: number) => toolCalls([{ name: 'unknown_to_all', arguments: {}, id: `call_${n}` }], { textBefore: `${n}` })
  const server = await startServer(t, { script: [call(0), call(1), text('2')] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  const page = async (query: string) => {
    const { body } = await server.get(`/threads/${thread.id}/messages?run_id=${run.id}&${query}`)
    return [body.data.map((message: any) => message.content[0].text.value).join(), body.has_more, body.first_id === body.data[0].id, body.last_id === body.data.at(-1).id]
  }
  const ids = (await server.get(`/threads/${thread.id}/messages?run_id=${run.id}&order=asc`)).body.data.map(({ id }: any) => id)
  t.strictSame(await page(''), ['2,1,0', false, true, true])
  t.strictSame(await page('order=asc&limit=2'), ['0,1', true, true, true])
  t.strictSame(await page(`order=asc&after=${ids[1]}`), ['2', false, true, true])
  t.strictSame(await page(`order=asc&limit=1&before=${ids[2]}`), ['1', true, true, true])
  const path = `/threads/${thread.id}/messages`
  const { body: behind } = await server.post(path, { role: 'user', content: 'Bye' })
  const [question] = (await server.get(`${path}?order=asc`)).body.data
  t.strictSame(await page(`order=asc&limit=2&after=${question.id}`), ['0,1', true, true, true], 'a cursor may be any message of the thread')
  t.strictSame(await page(`after=${behind.id}`), ['2,1,0', false, true, true])
  t.strictSame(await page(`order=asc&before=${behind.id}`), ['0,1,2', false, true, true])
  await server.delete(`${path}/${ids[1]}`)
  t.strictSame(await page(`order=asc&after=${ids[1]}`), ['2', false, true, true], 'and one that was deleted')
  const elsewhere = (await server.post(`/threads/${(await newThread(server)).id}/messages`, { role: 'user', content: 'x' })).body
  t.equal((await server.get(`${path}?run_id=${run.id}&after=${elsewhere.id}`)).status, 404, 'but none of another thread')
})

test('metadata given to a message while it is being written stays with it', async t => {
  const gate = new Gate()
  const server = await startServer(t, { script: [gated(text('one two'), gate)] })
  const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Hello')]
  const stream = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  gate.open()
  const { id } = await stream.until('thread.message.delta')
  const path = `/threads/${thread.id}/messages/${id}`
  t.match((await server.post(path, { metadata: { seen: 'yes' } })).body, { status: 'in_progress', metadata: { seen: 'yes' } })
  gate.open(Infinity)
  const completed = await stream.until('thread.message.completed')
  t.match(completed, { status: 'completed', metadata: { seen: 'yes' }, content: [{ text: { value: 'one two' } }] })
  await stream.all()
  t.strictSame((await server.get(path)).body, completed)
})

test('an attachment whose id is not one of a file is refused as such; a missing file is a 404', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  const attached = async (id: string) => await server.post(`/threads/${thread.id}/messages`, {
    role: 'user', content: 'x', attachments: [{ file_id: 'file-none', tools: [] }, { file_id: id, tools: [{ type: 'file_search' }] }].slice(id === 'file-none' ? 1 : 0)
  })
  t.match(await attached('vs_123'), { status: 400, body: { error: { message: "Invalid 'attachments[1].file_id': 'vs_123'. Expected an ID that begins with 'file'.", param: 'attachments[1].file_id', code: 'invalid_value' } } })
  t.match(await attached('undefined'), { status: 400, body: { error: { code: 'invalid_value' } } })
  t.match(await attached('file-none'), { status: 404, body: { error: { message: 'Files [file-none] were not found' } } })
  t.match(await server.post('/threads', { messages: [{ role: 'user', content: 'x', attachments: [{ file_id: 'x', tools: [] }] }] }), { status: 400, body: { error: { param: 'messages[0].attachments[0].file_id' } } })
})

test('a message may be empty or blank, and comes back as it was sent', async t => {
  const server = await startServer(t)
  const thread = await newThread(server)
  for (const content of ['', ' \n', [{ type: 'text', text: '' }]]) {
    const { status, body } = await server.post(`/threads/${thread.id}/messages`, { role: 'user', content })
    t.equal(status, 200)
    t.strictSame(body.content, [{ type: 'text', text: { value: typeof content === 'string' ? content : '', annotations: [] } }])
  }
  t.match(await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: [] }), { status: 400, body: { error: { code: 'empty_array', param: 'content' } } })
})

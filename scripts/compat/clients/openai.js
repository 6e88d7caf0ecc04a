/** OpenAI's own client, majors 4 to 7. Major 4 takes the ids of a path in order and deletes with `del`. */
export default async function checks ({ assert, alias, load, baseURL, key, model, all }) {
  const sdk = await load(alias)
  const { OpenAI, toFile } = sdk.OpenAI === undefined ? sdk.default : sdk
  const client = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 })
  const { beta, files, vectorStores, uploads } = client
  const isOld = alias === 'openai4'
  const remove = (resource, ...ids) => (resource.delete ?? resource.del).apply(resource, ids)
  const user = content => ({ role: 'user', content })
  const text = (name, content) => toFile(Buffer.from(content), name)
  const weather = { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }
  const quick = { pollIntervalMs: 5 }

  async function started (tools = []) {
    const assistant = await beta.assistants.create({ model, tools })
    const thread = await beta.threads.create({ messages: [user('Well?')] })
    return { assistant, thread }
  }

  return {
    async models () {
      assert.deepEqual((await all(client.models.list())).map(({ id }) => id), ['scripted'])
      assert.equal((await client.models.retrieve('scripted')).object, 'model')
    },
    async assistants () {
      const { id } = await beta.assistants.create({ model, name: 'One', metadata: { a: 'b' } })
      assert.equal((await beta.assistants.update(id, { name: 'Two' })).name, 'Two')
      assert.deepEqual((await beta.assistants.retrieve(id)).metadata, { a: 'b' })
      assert.ok((await all(beta.assistants.list({ limit: 1 }))).some(assistant => assistant.id === id))
      assert.equal((await remove(beta.assistants, id)).deleted, true)
    },
    async threads () {
      const thread = await beta.threads.create({ messages: [user('One')] })
      const message = await beta.threads.messages.create(thread.id, user([{ type: 'text', text: 'Two' }]))
      assert.equal((await beta.threads.update(thread.id, { metadata: { a: 'b' } })).metadata.a, 'b')
      assert.deepEqual((await all(beta.threads.messages.list(thread.id, { limit: 1, order: 'asc' }))).map(({ content }) => content[0].text.value), ['One', 'Two'])
      const found = isOld ? await beta.threads.messages.retrieve(thread.id, message.id) : await beta.threads.messages.retrieve(message.id, { thread_id: thread.id })
      assert.equal(found.id, message.id)
      assert.equal((await (isOld ? remove(beta.threads.messages, thread.id, message.id) : remove(beta.threads.messages, message.id, { thread_id: thread.id }))).deleted, true)
      assert.equal((await remove(beta.threads, thread.id)).deleted, true)
    },
    async runs () {
      const { assistant, thread } = await started()
      const run = await beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id }, quick)
      assert.equal(run.status, 'completed')
      const { data } = await beta.threads.messages.list(thread.id, { limit: 1 })
      assert.equal(data[0].content[0].text.value, 'Hello from the model.')
      assert.equal((await all(beta.threads.runs.list(thread.id))).length, 1)
      assert.equal((await beta.threads.createAndRunPoll({ assistant_id: assistant.id, thread: { messages: [user('And?')] } }, quick)).status, 'completed')
    },
    async streams () {
      const { assistant, thread } = await started()
      let said = ''
      const stream = beta.threads.runs.stream(thread.id, { assistant_id: assistant.id }).on('textDelta', ({ value }) => { said += value })
      assert.equal((await stream.finalRun()).status, 'completed')
      assert.equal(said, 'Hello from the model.')
      const events = await all(await beta.threads.createAndRun({ assistant_id: assistant.id, thread: { messages: [user('And?')] }, stream: true }))
      assert.deepEqual([events[0].event, events.at(-1).event], ['thread.created', 'thread.run.completed'])
    },
    async functions () {
      const { assistant, thread } = await started([weather])
      const run = await beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id }, quick)
      assert.equal(run.status, 'requires_action')
      const [call] = run.required_action.submit_tool_outputs.tool_calls
      assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Riga' })
      const outputs = { tool_outputs: [{ tool_call_id: call.id, output: 'rain' }] }
      const done = isOld ? await beta.threads.runs.submitToolOutputsAndPoll(thread.id, run.id, outputs, quick) : await beta.threads.runs.submitToolOutputsAndPoll(run.id, { thread_id: thread.id, ...outputs }, quick)
      assert.equal(done.status, 'completed')
    },
    async steps () {
      const { assistant, thread } = await started()
      const run = await beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id }, quick)
      const steps = await all(isOld ? beta.threads.runs.steps.list(thread.id, run.id) : beta.threads.runs.steps.list(run.id, { thread_id: thread.id }))
      assert.deepEqual(steps.map(({ type }) => type), ['message_creation'])
      const [{ id }] = steps
      const step = isOld ? await beta.threads.runs.steps.retrieve(thread.id, run.id, id) : await beta.threads.runs.steps.retrieve(id, { thread_id: thread.id, run_id: run.id })
      assert.equal(step.status, 'completed')
    },
    async files () {
      const file = await files.create({ purpose: 'assistants', file: await text('a.txt', 'Hello') })
      assert.equal((await files.retrieve(file.id)).filename, 'a.txt')
      assert.equal(await (await files.content(file.id)).text(), 'Hello')
      assert.ok((await all(files.list({ limit: 1 }))).some(({ id }) => id === file.id))
      assert.equal((await remove(files, file.id)).deleted, true)
    },
    async uploads () {
      const upload = await uploads.create({ bytes: 5, filename: 'b.txt', mime_type: 'text/plain', purpose: 'assistants' })
      const part = await uploads.parts.create(upload.id, { data: await text('part', 'Hello') })
      const { file } = await uploads.complete(upload.id, { part_ids: [part.id] })
      assert.equal(await (await files.content(file.id)).text(), 'Hello')
    },
    async vectorStores () {
      const file = await files.create({ purpose: 'assistants', file: await text('notes.txt', 'The meeting is at noon.') })
      const store = await vectorStores.create({ name: 'Notes' })
      assert.equal((await vectorStores.files.createAndPoll(store.id, { file_id: file.id }, quick)).status, 'completed')
      const batch = await vectorStores.fileBatches.uploadAndPoll(store.id, { files: [await text('more.txt', 'The office is in Riga.')] }, quick)
      assert.equal(batch.file_counts.completed, 1)
      assert.equal((await all(vectorStores.files.list(store.id, { limit: 1 }))).length, 2)
      assert.equal((await all(vectorStores.search(store.id, { query: 'meeting', max_num_results: 1 })))[0].filename, 'notes.txt')
      assert.equal((await remove(vectorStores, store.id)).deleted, true)
    },
    async fileSearch () {
      const store = await vectorStores.create({})
      await vectorStores.files.uploadAndPoll(store.id, await text('notes.txt', 'The meeting is at noon.'), quick)
      const assistant = await beta.assistants.create({ model, tools: [{ type: 'file_search' }], tool_resources: { file_search: { vector_store_ids: [store.id] } } })
      const run = await beta.threads.createAndRunPoll({ assistant_id: assistant.id, thread: { messages: [user('When?')] } }, quick)
      const { data } = await beta.threads.messages.list(run.thread_id, { limit: 1 })
      assert.match(data[0].content[0].text.annotations[0].file_citation.file_id, /^file-/)
    },
    async chat () {
      const completion = await client.chat.completions.create({ model, messages: [user('Hi')] })
      assert.equal(completion.choices[0].message.content, 'Hello from the model.')
      const chunks = await all(await client.chat.completions.create({ model, messages: [user('Hi')], stream: true }))
      assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), 'Hello from the model.')
    },
    async embeddings () {
      const { data } = await client.embeddings.create({ model, input: ['a', 'b'] })
      assert.deepEqual(data.map(({ embedding }) => embedding.length), [3, 3])
    },
    async errors () {
      await assert.rejects(new OpenAI({ baseURL, apiKey: 'wrong', maxRetries: 0 }).beta.assistants.list(), { status: 401, code: 'invalid_api_key' })
      await assert.rejects(beta.threads.retrieve('thread_none'), OpenAI.NotFoundError)
      await assert.rejects(beta.assistants.create({ model, temperature: 3 }), { status: 400, param: 'temperature' })
    }
  }
}

/** Azure's retired client for its OpenAI service, which speaks version 1 of the Assistants API: files and retrieval are of version 2 here. */
export default async function checks ({ assert, load, url, key, model }) {
  const { AssistantsClient, AzureKeyCredential } = await load('@azure/openai-assistants')
  const connect = given => new AssistantsClient(url, new AzureKeyCredential(given), { allowInsecureConnection: true, retryOptions: { maxRetries: 0 } })
  const client = connect(key)
  const weather = { type: 'function', function: { name: 'weather', description: 'Tells it', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }

  async function started (options = {}) {
    const assistant = await client.createAssistant({ model, ...options })
    const thread = await client.createThread({})
    await client.createMessage(thread.id, 'user', 'Well?')
    return { assistant, thread }
  }

  async function rested (threadId, id) {
    for (;;) {
      const run = await client.getRun(threadId, id)
      if (!['queued', 'in_progress'].includes(run.status)) return run
    }
  }

  return {
    async assistants () {
      const { id } = await client.createAssistant({ model, name: 'One' })
      assert.equal((await client.updateAssistant(id, { name: 'Two' })).name, 'Two')
      assert.equal((await client.listAssistants()).data[0].id, id)
      assert.equal((await client.deleteAssistant(id)).deleted, true)
    },
    async threads () {
      const { thread } = await started()
      assert.equal((await client.listMessages(thread.id)).data[0].content[0].text.value, 'Well?')
      assert.deepEqual((await client.updateThread(thread.id, { metadata: { a: 'b' } })).metadata, { a: 'b' })
      assert.equal((await client.deleteThread(thread.id)).deleted, true)
    },
    async runs () {
      const { assistant, thread } = await started()
      const { id } = await client.createRun(thread.id, { assistantId: assistant.id })
      assert.equal((await rested(thread.id, id)).status, 'completed')
      assert.equal((await client.listRuns(thread.id)).data.length, 1)
    },
    async functions () {
      const { assistant, thread } = await started({ tools: [weather] })
      const run = await rested(thread.id, (await client.createRun(thread.id, { assistantId: assistant.id })).id)
      const [call] = run.requiredAction.submitToolOutputs.toolCalls
      await client.submitToolOutputsToRun(thread.id, run.id, [{ toolCallId: call.id, output: 'rain' }])
      assert.equal((await rested(thread.id, run.id)).status, 'completed')
    },
    async steps () {
      const { assistant, thread } = await started()
      const { id } = await client.createRun(thread.id, { assistantId: assistant.id })
      await rested(thread.id, id)
      assert.deepEqual((await client.listRunSteps(thread.id, id)).data.map(({ type }) => type), ['message_creation'])
    },
    async files () {
      const file = await client.uploadFile(Buffer.from('Hello'), 'assistants', { filename: 'a.txt' })
      assert.equal((await client.getFile(file.id)).filename, 'a.txt')
      assert.equal((await client.listFiles()).data.length, 1)
      assert.equal((await client.deleteFile(file.id)).deleted, true)
    },
    async errors () {
      await assert.rejects(connect('wrong').listAssistants(), { statusCode: 401 })
      await assert.rejects(client.getThread('thread_none'), { statusCode: 404 })
    }
  }
}

/** The client of Azure AI Foundry's classic agents. It speaks TLS only, and has tokens instead of keys. */
export default async function checks ({ assert, load, tlsUrl, key, model, all }) {
  const { AgentsClient, RunStreamEvent, ToolUtility } = await load('@azure/ai-agents')
  const connect = token => new AgentsClient(`${tlsUrl}/api/projects/mine`, { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) }, { retryOptions: { maxRetries: 0 } })
  const client = connect(key)
  const quick = { pollingOptions: { intervalInMs: 5 } }

  async function started (options = {}) {
    const agent = await client.createAgent(model, options)
    const thread = await client.threads.create({ messages: [{ role: 'user', content: 'Well?' }] })
    return { agent, thread }
  }

  /** The client's poller throws for a run that waits for outputs. */
  async function rested (threadId, id) {
    for (;;) {
      const run = await client.runs.get(threadId, id)
      if (!['queued', 'in_progress'].includes(run.status)) return run
    }
  }

  return {
    async assistants () {
      const agent = await client.createAgent(model, { name: 'One' })
      assert.equal((await client.updateAgent(agent.id, { name: 'Two' })).name, 'Two')
      assert.ok((await all(client.listAgents())).some(({ id }) => id === agent.id))
      await client.deleteAgent(agent.id)
    },
    async threads () {
      const thread = await client.threads.create({ metadata: { a: 'b' } })
      await client.messages.create(thread.id, 'user', 'One')
      assert.ok((await all(client.threads.list())).some(({ id }) => id === thread.id))
      assert.equal((await all(client.messages.list(thread.id)))[0].content[0].text.value, 'One')
      await client.threads.delete(thread.id)
    },
    async runs () {
      const { agent, thread } = await started()
      assert.equal((await client.runs.createAndPoll(thread.id, agent.id, quick)).status, 'completed')
    },
    async streams () {
      const { agent, thread } = await started()
      const events = await all(await client.runs.create(thread.id, agent.id).stream())
      assert.equal(events[0].event, RunStreamEvent.ThreadRunCreated)
      assert.equal(events.at(-1).event, 'done')
    },
    async functions () {
      const { definition } = ToolUtility.createFunctionTool({ name: 'weather', description: 'Tells it', parameters: { type: 'object', properties: { city: { type: 'string' } } } })
      const { agent, thread } = await started({ tools: [definition] })
      const run = await rested(thread.id, (await client.runs.create(thread.id, agent.id)).id)
      const [call] = run.requiredAction.submitToolOutputs.toolCalls
      await client.runs.submitToolOutputs(thread.id, run.id, [{ toolCallId: call.id, output: 'rain' }])
      assert.equal((await rested(thread.id, run.id)).status, 'completed')
    },
    async steps () {
      const { agent, thread } = await started()
      const run = await client.runs.createAndPoll(thread.id, agent.id, quick)
      assert.deepEqual((await all(client.runSteps.list(thread.id, run.id))).map(({ type }) => type), ['message_creation'])
    },
    async files () {
      const file = await client.files.upload(new Blob(['Hello']).stream(), 'assistants', { fileName: 'a.txt' })
      assert.equal((await client.files.get(file.id)).filename, 'a.txt')
      await client.files.delete(file.id)
    },
    async vectorStores () {
      const file = await client.files.upload(new Blob(['The meeting is at noon.']).stream(), 'assistants', { fileName: 'a.txt' })
      const store = await client.vectorStores.createAndPoll({ fileIds: [file.id], ...quick })
      assert.equal(store.fileCounts.completed, 1)
      assert.equal((await all(client.vectorStoreFiles.list(store.id))).length, 1)
      await client.vectorStores.delete(store.id)
    },
    async fileSearch () {
      const file = await client.files.upload(new Blob(['The meeting is at noon.']).stream(), 'assistants', { fileName: 'a.txt' })
      const store = await client.vectorStores.createAndPoll({ fileIds: [file.id], ...quick })
      const { definition, resources } = ToolUtility.createFileSearchTool([store.id])
      const { agent, thread } = await started({ tools: [definition], toolResources: resources })
      await client.runs.createAndPoll(thread.id, agent.id, quick)
      const [answer] = await all(client.messages.list(thread.id, { order: 'desc' }))
      assert.equal(answer.content[0].text.annotations[0].fileCitation.fileId, file.id)
    },
    async errors () {
      await assert.rejects(all(connect('wrong').listAgents()), { statusCode: 401 })
      await assert.rejects(client.getAgent('asst_none'), { statusCode: 404 })
    }
  }
}

/** LangChain: its runnable for assistants, its chat model and its embeddings. */
export default async function checks ({ assert, load, baseURL, key, model, all }) {
  const { OpenAIAssistantRunnable } = await load('langchain/experimental/openai_assistant')
  const { ChatOpenAI, OpenAIEmbeddings } = await load('@langchain/openai')
  const { DynamicStructuredTool } = await load('@langchain/core/tools')
  const { z } = await load('zod')
  const clientOptions = { baseURL, apiKey: key, maxRetries: 0 }
  const create = async (options = {}) => await OpenAIAssistantRunnable.createAssistant({ model, name: 'One', clientOptions, pollIntervalMs: 5, ...options })
  const weather = new DynamicStructuredTool({ name: 'weather', description: 'Tells it', schema: z.object({ city: z.string() }), func: async () => 'rain' })
  const chat = () => new ChatOpenAI({ model, apiKey: key, configuration: { baseURL }, maxRetries: 0 })

  return {
    async assistants () {
      const assistant = await create()
      assert.equal((await assistant.getAssistant()).name, 'One')
      assert.equal((await assistant.modifyAssistant({ model, name: 'Two' })).name, 'Two')
      assert.equal((await assistant.deleteAssistant()).deleted, true)
    },
    async runs () {
      const assistant = await create()
      const [message] = await assistant.invoke({ content: 'Well?' })
      assert.equal(message.content[0].text.value, 'Hello from the model.')
      const answers = await assistant.invoke({ content: 'And?', threadId: message.thread_id })
      assert.equal(answers.length, 1)
    },
    async functions () {
      const assistant = await create({ asAgent: true, tools: [weather] })
      const [action] = await assistant.invoke({ content: 'Weather?' })
      assert.deepEqual([action.tool, action.toolInput], ['weather', { city: 'Riga' }])
      const finish = await assistant.invoke({ steps: [{ action, observation: 'rain' }] })
      assert.equal(finish.returnValues.output, 'It rains in Riga.')
    },
    async chat () {
      assert.equal((await chat().invoke('Hi')).content, 'Hello from the model.')
      const chunks = await all(await chat().stream('Hi'))
      assert.equal(chunks.map(({ content }) => content).join(''), 'Hello from the model.')
      assert.equal((await chat().bindTools([weather]).invoke('Weather?')).tool_calls[0].name, 'weather')
    },
    async embeddings () {
      const embeddings = new OpenAIEmbeddings({ model, apiKey: key, configuration: { baseURL }, maxRetries: 0 })
      assert.equal((await embeddings.embedQuery('a')).length, 3)
    },
    async errors () {
      const assistant = new OpenAIAssistantRunnable({ assistantId: 'asst_none', clientOptions })
      await assert.rejects(assistant.getAssistant(), { status: 404 })
    }
  }
}

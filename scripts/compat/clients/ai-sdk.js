/** Vercel's AI SDK, majors 3 and 4, with its provider for OpenAI: chat completions and embeddings. */
export default async function checks ({ assert, alias, load, baseURL, key, model, all }) {
  const { generateText, streamText, embed, tool } = await load(alias)
  const { createOpenAI } = await load(alias.replace('ai', 'ai-openai'))
  const { z } = await load('zod')
  const provider = createOpenAI({ baseURL, apiKey: key })
  const chosen = provider.chat(model)

  return {
    async functions () {
      const weather = tool({ description: 'Tells it', parameters: z.object({ city: z.string() }), execute: async () => 'rain' })
      const { text, steps } = await generateText({ model: chosen, prompt: 'Weather?', tools: { weather }, maxSteps: 2, maxRetries: 0 })
      assert.deepEqual([text, steps.length], ['It rains in Riga.', 2])
    },
    async chat () {
      assert.equal((await generateText({ model: chosen, prompt: 'Hi', maxRetries: 0 })).text, 'Hello from the model.')
      const stream = await streamText({ model: chosen, prompt: 'Hi', maxRetries: 0 })
      assert.equal((await all(stream.textStream)).join(''), 'Hello from the model.')
    },
    async embeddings () {
      assert.equal((await embed({ model: provider.embedding(model), value: 'a', maxRetries: 0 })).embedding.length, 3)
    },
    async errors () {
      const wrong = createOpenAI({ baseURL, apiKey: 'wrong' }).chat(model)
      await assert.rejects(generateText({ model: wrong, prompt: 'Hi', maxRetries: 0 }), { statusCode: 401 })
    }
  }
}

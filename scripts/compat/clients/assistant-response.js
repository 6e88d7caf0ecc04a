/** `AssistantResponse` of Vercel's AI SDK: what a route sends to `useAssistant` in a browser, made of streams of OpenAI's client. */
export default async function checks ({ assert, alias, load, baseURL, key, model }) {
  const { AssistantResponse } = await load(alias)
  const { OpenAI } = await load('openai4')
  const { beta } = new OpenAI({ baseURL, apiKey: key, maxRetries: 0 })
  const weather = { type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } } }

  async function asked (tools, more = async () => {}) {
    const assistant = await beta.assistants.create({ model, tools })
    const thread = await beta.threads.create({})
    const message = await beta.threads.messages.create(thread.id, { role: 'user', content: 'Well?' })
    const response = AssistantResponse({ threadId: thread.id, messageId: message.id }, async ({ forwardStream }) => {
      const run = await forwardStream(beta.threads.runs.stream(thread.id, { assistant_id: assistant.id }))
      await more(run, thread, forwardStream)
    })
    // Each line is a code, a colon and JSON.
    const parts = (await response.text()).trim().split('\n').map(line => [line[0], JSON.parse(line.slice(2))])
    return { thread, parts, said: parts.filter(([code]) => code === '0').map(([, text]) => text).join(''), failures: parts.filter(([code]) => code === '3') }
  }

  return {
    async threads () {
      const { thread, parts } = await asked([])
      assert.equal(parts.find(([code]) => code === '5')[1].threadId, thread.id)
    },
    async streams () {
      const { said, failures } = await asked([])
      assert.deepEqual([said, failures], ['Hello from the model.', []])
    },
    async functions () {
      const { said, failures } = await asked([weather], async (run, thread, forwardStream) => {
        assert.equal(run.status, 'requires_action')
        const outputs = run.required_action.submit_tool_outputs.tool_calls.map(call => ({ tool_call_id: call.id, output: 'rain' }))
        await forwardStream(beta.threads.runs.submitToolOutputsStream(thread.id, run.id, { tool_outputs: outputs }))
      })
      assert.deepEqual([said, failures], ['It rains in Riga.', []])
    }
  }
}

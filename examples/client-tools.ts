import OpenAI from 'openai'
import type { AssistantStream } from 'openai/lib/AssistantStream'

const openai = new OpenAI({ baseURL: process.env.OPENAI_BASE_URL ?? 'http://127.0.0.1:8080/v1', apiKey: process.env.OPENAI_API_KEY ?? 'none' })

const functions: Record<string, (given: any) => unknown> = {
  add: ({ a, b }) => a + b,
  multiply: ({ a, b }) => a * b
}
const parameters = { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] }
const assistant = await openai.beta.assistants.create({
  model: process.env.MODEL ?? 'echo',
  tools: Object.keys(functions).map(name => ({ type: 'function', function: { name, parameters } }))
})
// `echo` makes the call that the message names. A real model decides by itself.
const thread = await openai.beta.threads.create({ messages: [{ role: 'user', content: process.argv[2] ?? '/call add {"a":19,"b":23}' }] })

// Each round of calls is answered, and the run goes on in a new stream, until the model has nothing more to call.
let stream: AssistantStream = openai.beta.threads.runs.stream(thread.id, { assistant_id: assistant.id })
for (;;) {
  stream.on('textDelta', ({ value }) => { process.stdout.write(value ?? '') })
  const run = await stream.finalRun()
  if (run.status !== 'requires_action') break
  const calls = run.required_action?.submit_tool_outputs.tool_calls ?? []
  stream = openai.beta.threads.runs.submitToolOutputsStream(run.id, {
    thread_id: thread.id,
    tool_outputs: calls.map(({ id, function: { name, arguments: given } }) => ({ tool_call_id: id, output: String(functions[name]?.(JSON.parse(given))) }))
  })
}
process.stdout.write('\n')

import { AzureOpenAI } from 'openai'

// The endpoint is the server without its /v1; `deployment` names go to models by the option `aliases`.
const azure = new AzureOpenAI({
  endpoint: process.env.AZURE_OPENAI_ENDPOINT ?? 'http://127.0.0.1:8080',
  apiKey: process.env.AZURE_OPENAI_API_KEY ?? 'none',
  apiVersion: '2024-05-01-preview'
})

const assistant = await azure.beta.assistants.create({ model: process.env.MODEL ?? 'echo' })
const thread = await azure.beta.threads.create({ messages: [{ role: 'user', content: 'Hello from an Azure client!' }] })
const run = azure.beta.threads.runs.stream(thread.id, { assistant_id: assistant.id })
run.on('textDelta', ({ value }) => { process.stdout.write(value ?? '') })
await run.finalRun()
process.stdout.write('\n')

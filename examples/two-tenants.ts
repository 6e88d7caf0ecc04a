import { createOpenAIServer } from 'fastify-openai-compat'
import OpenAI from 'openai'

// A key belongs to a project, and a project sees nothing of another. In production keys are hashed: fastify-openai-compat key create
const server = createOpenAIServer(undefined, { port: 0, host: '127.0.0.1', apiKeys: { 'sk-of-anna': 'anna', 'sk-of-ben': 'ben' } })
await server.start()

const [anna, ben] = ['sk-of-anna', 'sk-of-ben'].map(apiKey => new OpenAI({ baseURL: server.getBaseUrl(), apiKey })) as [OpenAI, OpenAI]
const assistant = await anna.beta.assistants.create({ model: 'echo', name: 'Anna\'s' })

console.log('Anna has', (await anna.beta.assistants.list()).data.map(({ name }) => name))
console.log('Ben has', (await ben.beta.assistants.list()).data.map(({ name }) => name))
await ben.beta.assistants.retrieve(assistant.id).catch(error => console.log('Ben asks for it:', error.status, error.code ?? ''))
await server.stop()

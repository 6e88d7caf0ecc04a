import Fastify from 'fastify'
import openaiCompat from 'fastify-openai-compat'

const app = Fastify()
await app.register(openaiCompat, { prefix: '/v1' })

const address = await app.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`The Assistants API is at ${address}/v1`)

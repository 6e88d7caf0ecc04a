import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { OpenAICompatOptions } from '../../../lib/options/options.js'
import openaiCompat from '../../../lib/plugin.js'

// A child process: the server under attack, alone with its memory and its event loop.
const options = JSON.parse(process.argv[2] ?? '{}') as OpenAICompatOptions
const app = Fastify()
await app.register(openaiCompat, { prefix: '/v1', ...options })
await app.listen({ port: 0, host: '127.0.0.1' })
process.on('message', message => {
  if (message === 'rss') process.send?.(process.memoryUsage.rss())
})
// With the test's process goes this one.
process.on('disconnect', () => process.exit())
process.send?.((app.server.address() as AddressInfo).port)

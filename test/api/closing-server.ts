/**
 * Run as a process of its own by readers.test.ts: serves the plugin in front of the model at the given URL, prints its own
 * one, and closes the server when stdin ends. The process then ends by itself, or not at all.
 */
import { once } from 'node:events'
import Fastify from 'fastify'
import openaiCompat from '../../lib/plugin.js'

const app = Fastify()
await app.register(openaiCompat, { prefix: '/v1', provider: { baseURL: process.argv[2]! } })
const url = await app.listen({ port: 0, host: '127.0.0.1' })
console.log(`${url}/v1`)
await once(process.stdin.resume(), 'end')
await app.close()

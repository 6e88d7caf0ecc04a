/**
 * The least that could be done in our place. `relay`: a bare `node:http` server that passes a stream on, or collects it and
 * is polled for the end. `routes`: bare Fastify routes that answer with bodies kept ready or send back what they get.
 */
import { Agent, createServer, request as call, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'

const [kind, vendor] = process.argv.slice(2) as [string, string]

function relay (): void {
  const agent = new Agent({ keepAlive: true })
  const done = new Set<string>()
  let jobs = 0
  const ask = (body: string, use: (answer: IncomingMessage) => void): void => {
    call(`${vendor}/v1/chat/completions`, { method: 'POST', agent, headers: { 'content-type': 'application/json' } }, use).end(body)
  }
  const server = createServer((request, response) => {
    const url = request.url ?? ''
    if (request.method === 'GET') {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ status: done.has(url) ? 'completed' : 'in_progress' }))
      return
    }
    let body = ''
    request.setEncoding('utf8').on('data', text => { body += text }).on('end', () => {
      if (url === '/stream') {
        ask(body, answer => {
          response.writeHead(200, { 'content-type': 'text/event-stream' })
          answer.pipe(response)
        })
        return
      }
      const id = `/jobs/${++jobs}`
      ask(body, answer => { answer.resume().on('end', () => done.add(id)) })
      response.end(JSON.stringify({ path: id }))
    })
  })
  server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
}

async function routes (): Promise<void> {
  const app = Fastify()
  let kept: unknown
  app.post('/keep', { bodyLimit: 2 ** 24 }, async request => { kept = request.body; return {} })
  app.get('/kept', async () => kept)
  app.post('/echo', async request => request.body)
  console.log(await app.listen({ port: 0, host: '127.0.0.1' }))
}

if (kind === 'relay') relay()
else await routes()

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { named } from '../shared/named.js'
import { refuseUnknown } from '../options/names.js'
import { packageVersion } from '../shared/version.js'
import { readAssets, requireBuild, type Asset } from './assets.js'

/** Options of `openaiCompatConsole`. All may be left out. */
export interface ConsoleOptions {
  /** Where the page is, below the prefix of the instance that it is registered on. Default `/console`. */
  prefix?: string
  /** The prefix of the API, as it was given to `openaiCompat`, below the same instance. Default `/v1`. */
  api?: string
}

/** What the page may do: talk to the server that it came from, and no more. No text can become markup or script. */
const POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob: data:", "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
  "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()'
}

/**
 * A page in which people chat with assistants and see what is stored: `await app.register(openaiCompatConsole)`, and open `/console`. It
 * holds no data and needs no key itself; what it shows it asks of the API, with the key that its user enters.
 */
async function openaiCompatConsole (app: FastifyInstance, options: ConsoleOptions): Promise<void> {
  refuseUnknown(options, ['prefix', 'api'])
  const { prefix = '/console', api = '/v1' } = options
  for (const [name, path] of Object.entries({ prefix, api })) {
    if (!(name === 'api' && path === '') && !/^(\/[\w.~-]+)+$/.test(path)) throw new TypeError(`Option "${name}" of the console must be a path such as "/console", not ${JSON.stringify(path)}.`)
  }
  requireBuild()
  // Relative, so that it holds behind a proxy that takes a part of the path away.
  const config = { api: '../'.repeat(prefix.split('/').length - 1) + api.slice(1), version: packageVersion() }
  let assets: Promise<Map<string, Asset>> | undefined
  const send = async (path: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    assets ??= readAssets()
    const asset = (await assets).get(path)
    if (asset === undefined) return await reply.code(404).type('text/plain; charset=utf-8').send('There is no such file.')
    return sendAsset(asset, path, request, reply)
  }

  await app.register(named('consolePage', async (page: FastifyInstance) => {
    page.addHook('onRequest', async (_request, reply) => { reply.headers(HEADERS) })
    page.get('/', { logLevel: 'warn' }, async (request, reply) => {
      const [path = ''] = request.url.split('?')
      // What the page needs is beside it, so its own address ends in a slash.
      if (!path.endsWith('/')) return await reply.redirect(`./${prefix.slice(prefix.lastIndexOf('/') + 1)}/`)
      return await send('index.html', request, reply)
    })
    page.get('/config.json', { logLevel: 'warn' }, async (_request, reply) => reply.header('cache-control', 'no-store').send(config))
    page.get<{ Params: { '*': string } }>('/*', { logLevel: 'warn' }, async (request, reply) => await send(request.params['*'], request, reply))
  }), { prefix })
}

function sendAsset ({ type, bytes, gzipped, etag }: Asset, path: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // The names below `assets/` change with what is in them.
  reply.headers({ etag, vary: 'accept-encoding', 'cache-control': path.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache' })
  if (request.headers['if-none-match'] === etag) return reply.code(304).send()
  reply.type(type)
  const takesGzip = /\bgzip\b/.test([request.headers['accept-encoding'] ?? ''].flat().join())
  return takesGzip ? reply.header('content-encoding', 'gzip').send(gzipped) : reply.send(bytes)
}

export default fp(openaiCompatConsole, { name: 'fastify-openai-compat-console', fastify: '5.x', encapsulate: false })

import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'

export interface FrontPageOptions {
  /** Of the API: `/v1`. */
  prefix: string
  hasConsole: boolean
  hasMetrics: boolean
}

const DOCUMENTATION = 'https://github.com/fastify-openai-compat/fastify-openai-compat#readme'

const STYLE = `
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1.5rem }
dt { opacity: .7 }
dd { margin: 0; overflow-wrap: anywhere }
code { font: .9em ui-monospace, monospace }
@media (max-width: 30rem) { dl { display: block } dd { margin-bottom: .6rem } }
`

/** The page is text and links: nothing is loaded, and nothing runs. */
const POLICY = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`

/**
 * `GET /` of the standalone server: what this is and where to go, as a page for browsers and as JSON for all others. It needs no key, so it
 * says nothing of the configuration or of what is stored.
 */
export function frontPage (app: FastifyInstance, { prefix, hasConsole, hasMetrics }: FrontPageOptions): void {
  const places = { api: prefix, ...hasConsole ? { console: '/console/' } : {}, openapi: '/openapi.json', health: '/health', ready: '/ready', ...hasMetrics ? { metrics: '/metrics' } : {} }
  const json = { name: 'fastify-openai-compat', description: 'The OpenAI Assistants API v2', ...places, documentation: DOCUMENTATION }
  const html = page(places)
  app.get('/', { logLevel: 'warn' }, async (request, reply) => {
    reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', vary: 'accept', 'content-security-policy': POLICY, 'referrer-policy': 'no-referrer' })
    return /\btext\/html\b/.test(request.headers.accept ?? '') ? await reply.type('text/html; charset=utf-8').send(html) : json
  })
}

const ABOUT: Readonly<Record<string, string>> = { api: 'Base URL', console: 'Console', openapi: 'Description', health: 'Alive', ready: 'Ready', metrics: 'Metrics' }

// Links are relative: a proxy may have taken a part of the path away.
function page (places: Readonly<Record<string, string>>): string {
  const rows = Object.entries(places).map(([name, path]) =>
    `<dt>${ABOUT[name]}</dt><dd>${name === 'api' ? `<code>${path}</code> of this address, for the SDK's <code>baseURL</code>` : `<a href="${path.slice(1)}">${path}</a>`}</dd>`)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>fastify-openai-compat</title>
<style>${STYLE}</style>
<main>
<h1>fastify-openai-compat</h1>
<p>OpenAI's Assistants API v2, on this machine.</p>
<dl>
${rows.join('\n')}
<dt>Documentation</dt><dd><a href="${DOCUMENTATION}" rel="noreferrer">README</a></dd>
</dl>
</main>
</html>
`
}

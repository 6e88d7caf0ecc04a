import { isIPv6, type AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { ApiError } from '../shared/errors.js'

/** Whether only this machine can reach the address. */
export function isLoopback (host: string): boolean {
  const name = host.replace(/^\[|\]$/g, '').toLowerCase()
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(name)
}

/** Where the server listens; undefined when it does not, or on a socket in the file system. */
function boundTo (app: FastifyInstance): AddressInfo | undefined {
  const address = app.server.address()
  return typeof address === 'object' && address !== null ? address : undefined
}

/**
 * Keeps web pages away from a server without keys that only this machine can reach: every page in a browser of this machine can. A
 * page names its own site as the `Origin`, or, when it has a name of its own lead to this machine, as the `Host`; neither is
 * loopback, and the answer is a 403.
 *
 * @param allowed further host names; `*` allows any.
 */
export function refuseWebPages (api: FastifyInstance, allowed: readonly string[]): void {
  if (allowed.includes('*')) return
  const hosts = new Set(allowed.map(host => host.toLowerCase()))
  const isAllowed = (host: string): boolean => isLoopback(host) || hosts.has(host.toLowerCase())
  // Nearly every request names what the one before it did.
  let lastAllowed = ''
  // Not asked for with every request: it is a system call.
  let bound = boundTo(api)
  api.server.on('listening', () => { bound = boundTo(api) })
  api.addHook('onRequest', async ({ headers: { host, origin } }) => {
    if (bound === undefined || !isLoopback(bound.address)) return
    for (const [header, url] of [['Host', host === undefined ? undefined : `http://${host}`], ['Origin', origin]] as const) {
      if (url === undefined || url === lastAllowed) continue
      if (!isAllowed(hostnameOf(url))) throw refused(header)
      lastAllowed = url
    }
  })
}

/** Empty for what is no URL, such as the origin `null` of a page from a file. */
const hostnameOf = (url: string): string => URL.canParse(url) ? new URL(url).hostname : ''

const refused = (header: string): ApiError => new ApiError(403,
  `The request's ${header} header does not name this machine, and this server has no API keys: it is for programs on this machine. ` +
  'Set API keys, or add the name to the option "allowedHosts".', { code: 'host_not_allowed' })

/** Says when a server that everybody may use can be reached from other machines. */
export function warnWhenOpen (app: FastifyInstance): void {
  app.addHook('onListen', async () => {
    const bound = boundTo(app)
    if (bound === undefined || isLoopback(bound.address)) return
    const place = `${isIPv6(bound.address) ? `[${bound.address}]` : bound.address}:${bound.port}`
    const message = `no API key is set, and ${place} can be reached from other machines: everybody may use this server and its models`
    // Without a log the warning must be seen all the same.
    if (app.log.level === undefined) process.emitWarning(`fastify-openai-compat: ${message}.`, { code: 'OPENAI_COMPAT_OPEN' })
    else app.log.warn(`${message}; set apiKeys`)
  })
}

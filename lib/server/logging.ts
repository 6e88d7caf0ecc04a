import type { FastifyBaseLogger, FastifyRequest, FastifyServerOptions } from 'fastify'
import type { Logging } from './options.js'

type LoggerOptions = Exclude<FastifyServerOptions['logger'], boolean | undefined>

/** The paths of keys in a log that includes headers. Requests are logged without headers anyway. */
const SECRETS = ['req.headers', 'request.headers', 'err.headers', 'headers'].flatMap(headers =>
  ['authorization', 'api-key', 'x-api-key', 'proxy-authorization', 'cookie'].map(name => `${headers}["${name}"]`))

/** The option `logging` in Fastify's terms. */
export function loggerOptions (logging: Logging = false): Pick<FastifyServerOptions, 'logger' | 'loggerInstance'> {
  if (logging === false) return {}
  if (isLogger(logging)) return { loggerInstance: logging }
  if (logging === true) return { logger: withoutSecrets({}) }
  return { logger: withoutSecrets(typeof logging === 'string' ? { level: logging } : logging as LoggerOptions) }
}

function isLogger (logging: Logging): logging is FastifyBaseLogger {
  return typeof logging === 'object' && 'child' in logging && typeof logging.child === 'function'
}

/** As Fastify logs a request, but for the query: clients put keys there, as some other services have it. */
function requestWithoutQuery (request: FastifyRequest): Record<string, unknown> {
  const { method, url, host, ip, socket } = request
  return { method, url: url?.split('?')[0], host, remoteAddress: ip, remotePort: socket?.remotePort }
}

/** Adds our redactions to those given. */
function withoutSecrets (options: LoggerOptions): LoggerOptions {
  const given = Array.isArray(options.redact) ? { paths: options.redact } : options.redact
  return { ...options, serializers: { req: requestWithoutQuery, ...options.serializers }, redact: { ...given, paths: [...SECRETS, ...given?.paths ?? []] } }
}

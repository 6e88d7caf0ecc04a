import type { FastifyBaseLogger, FastifyRequest, FastifyServerOptions } from 'fastify'
import type { Logging } from './options.js'

type LoggerOptions = Exclude<FastifyServerOptions['logger'], boolean | undefined>

/** Where a log may include headers. */
const HEADERS = ['request.headers', 'err.headers', 'headers']
const SECRET_HEADERS = ['authorization', 'api-key', 'x-api-key', 'proxy-authorization', 'cookie']

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

/**
 * Adds our redactions to those given. Requests are logged without headers unless an application has a serializer of its own: without one
 * no request needs to be copied for its line.
 */
function withoutSecrets (options: LoggerOptions): LoggerOptions {
  const given = Array.isArray(options.redact) ? { paths: options.redact } : options.redact
  const places = options.serializers?.req === undefined ? HEADERS : ['req.headers', ...HEADERS]
  const secrets = places.flatMap(headers => SECRET_HEADERS.map(name => `${headers}["${name}"]`))
  return { ...options, serializers: { req: requestWithoutQuery, ...options.serializers }, redact: { ...given, paths: [...secrets, ...given?.paths ?? []] } }
}

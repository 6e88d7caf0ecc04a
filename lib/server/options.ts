import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify'
import { PLUGIN_OPTION_NAMES } from '../options/names.js'
import type { OpenAICompatOptions } from '../options/options.js'

/** What the server logs: nothing, `info` and above, a pino level and above, pino options, or a pino logger of your own. */
export type Logging = boolean | string | Exclude<FastifyServerOptions['logger'], boolean | undefined> | FastifyBaseLogger

/** Options of `buildServer()`: those of the plugin, with `/v1` as the default `prefix`, and these. */
export interface BuildServerOptions extends OpenAICompatOptions {
  /** What is logged: nothing, pino's `info` and above with true, a level, pino's options, or a logger of your own. Keys in request headers are never logged. Default false. */
  logging?: Logging
  /** How long closing waits for answers under way before it cuts their connections, in milliseconds. Default 5,000. */
  closeGraceMs?: number
  /** Proxies whose `X-Forwarded-For` is believed, as Fastify takes it (`true`, or addresses): then the audit log and `overload.unauthorizedPerMinute` go by the client's address. Default none. */
  trustProxy?: boolean | string | string[]
  /** TCP connections at a time; more are closed at once. Default: as many as the system gives. */
  maxConnections?: number
  /** Whether `/console` shows the console. Default false; the command line has it on. */
  console?: boolean
}

/** Options of `OpenAIServer`. */
export interface OpenAIServerConfig extends BuildServerOptions {
  /** TCP port, 0 for any free one. Default 8080. */
  port?: number
  /** Address or name to listen on. Default `0.0.0.0`: every IPv4 address of the machine. */
  host?: string
}

/** How long closing waits for answers under way unless `closeGraceMs` says otherwise, in milliseconds. */
export const DEFAULT_CLOSE_GRACE_MS = 5_000

const BUILD_OPTIONS: Record<Exclude<keyof BuildServerOptions, keyof OpenAICompatOptions>, true> = { logging: true, closeGraceMs: true, maxConnections: true, trustProxy: true, console: true }
const LISTEN_OPTIONS: Record<Exclude<keyof OpenAIServerConfig, keyof BuildServerOptions>, true> = { port: true, host: true }

export const BUILD_OPTION_NAMES: readonly string[] = [...PLUGIN_OPTION_NAMES, ...Object.keys(BUILD_OPTIONS)]
export const SERVER_OPTION_NAMES: readonly string[] = [...BUILD_OPTION_NAMES, ...Object.keys(LISTEN_OPTIONS)]

export function isPort (value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535
}

/** Throws a TypeError for what is no number of connections. */
export function checkedConnections (most: number): number {
  if (!Number.isSafeInteger(most) || most < 1) throw new TypeError('Option "maxConnections" must be a whole number, 1 or more.')
  return most
}

/** `/v1` by default; '' for none. Without the slash at the end. */
export function checkedPrefix (prefix: string = '/v1'): string {
  const path = prefix.replace(/\/+$/, '')
  if (path !== '' && !/^(\/[\w.~-]+)+$/.test(path)) {
    throw new TypeError(`Option "prefix" must be a path such as "/v1", not ${JSON.stringify(prefix)}.`)
  }
  return path
}

/** What the plugin is to get of the server's options. */
export function pluginOptions (options: BuildServerOptions): OpenAICompatOptions {
  const { logging, closeGraceMs, maxConnections, trustProxy, console, ...rest } = options
  return { ...rest, prefix: checkedPrefix(options.prefix) }
}

import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify'
import type { OpenAICompatOptions } from '../options.js'

/** What the server logs: nothing, `info` and above, a pino level and above, pino options, or a pino logger of your own. */
export type Logging = boolean | string | Exclude<FastifyServerOptions['logger'], boolean | undefined> | FastifyBaseLogger

/** Options of `buildServer()`: those of the plugin, with `/v1` as the default `prefix`, and these. */
export interface BuildServerOptions extends OpenAICompatOptions {
  /** Default false. Keys in request headers are never logged. */
  logging?: Logging
  /** How long closing waits for answers under way before it cuts their connections, in milliseconds. Default 5,000. */
  closeGraceMs?: number
}

/** Options of `OpenAIServer`. */
export interface OpenAIServerConfig extends BuildServerOptions {
  /** TCP port, 0 for any free one. Default 8080. */
  port?: number
  /** Address or name to listen on. Default `0.0.0.0`: every IPv4 address of the machine. */
  host?: string
}

/**
 * Every option of the plugin by name. An option that the plugin gains is added here, or the types do not check: a
 * misspelt `apiKeys` must not leave a server open.
 */
const PLUGIN_OPTIONS: Record<keyof OpenAICompatOptions, true> = {
  prefix: true,
  provider: true,
  providers: true,
  defaultProvider: true,
  defaultModel: true,
  aliases: true,
  storage: true,
  blobs: true,
  downloads: true,
  apiKeys: true,
  cors: true,
  tools: true,
  toolAccess: true,
  lockMode: true,
  webhooks: true,
  unknownParameters: true,
  requireBetaHeader: true,
  limits: true,
  streams: true,
  clock: true
}
const BUILD_OPTIONS: Record<Exclude<keyof BuildServerOptions, keyof OpenAICompatOptions>, true> = { logging: true, closeGraceMs: true }
const LISTEN_OPTIONS: Record<Exclude<keyof OpenAIServerConfig, keyof BuildServerOptions>, true> = { port: true, host: true }

export const BUILD_OPTION_NAMES: readonly string[] = Object.keys({ ...PLUGIN_OPTIONS, ...BUILD_OPTIONS })
export const SERVER_OPTION_NAMES: readonly string[] = Object.keys({ ...PLUGIN_OPTIONS, ...BUILD_OPTIONS, ...LISTEN_OPTIONS })

/** Throws a TypeError for the first option that does not exist. */
export function refuseUnknown (options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!names.includes(name)) throw new TypeError(`Option "${name}" does not exist. There are: ${names.join(', ')}.`)
  }
}

export function isPort (value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535
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
  const { logging, closeGraceMs, ...rest } = options
  return { ...rest, prefix: checkedPrefix(options.prefix) }
}

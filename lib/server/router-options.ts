import Fastify, { type FastifyServerOptions } from 'fastify'

/** Longer than any id that a store can hold. */
const MAX_PARAM_LENGTH = 512

const ROUTER_OPTIONS = { maxParamLength: MAX_PARAM_LENGTH, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true }

/**
 * The router's options where the installed Fastify looks for them: since 5.5 below `routerOptions`, which older versions ignore;
 * before that among the server's own, which newer versions warn of.
 */
export function routerOptions (): FastifyServerOptions {
  return 'routerOptions' in Fastify({ routerOptions: {} }).initialConfig ? { routerOptions: ROUTER_OPTIONS } : ROUTER_OPTIONS
}

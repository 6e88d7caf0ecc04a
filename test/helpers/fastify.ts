import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import oldest from 'fastify-oldest'

export interface FastifyVersion {
  version: string
  create (options?: FastifyServerOptions): FastifyInstance
}

/** The lowest version of the peer range, and the one that is installed. */
export const fastifyVersions: readonly FastifyVersion[] = [oldest as unknown as typeof Fastify, Fastify]
  .map(create => ({ version: create({ logger: false }).version, create: options => create(options) as FastifyInstance }))

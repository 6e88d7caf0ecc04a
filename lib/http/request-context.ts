import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ProjectApi } from '../project-api.js'
import type { Payer } from '../usage/spending.js'
import type { Caller } from './keys.js'

/** Symbols, so that nothing is added to the request types of an application, and no decorator of its own is in the way. */
const API = Symbol('fastify-openai-compat.api')
const CALLER = Symbol('fastify-openai-compat.caller')
const BODY_TEXT = Symbol('fastify-openai-compat.body-text')

interface RequestContext {
  [API]: ProjectApi | undefined
  [CALLER]: Caller | undefined
  [BODY_TEXT]: string
}

/** Gives the requests of this context a place for what is kept about them. */
export function decorateRequests (app: FastifyInstance): void {
  app.decorateRequest(API, undefined)
  app.decorateRequest(CALLER, undefined)
  app.decorateRequest(BODY_TEXT, '{}')
}

export function setCaller (request: FastifyRequest, caller: Caller, api: ProjectApi): void {
  const context = contextOf(request)
  context[CALLER] = caller
  context[API] = api
}

/** Who has sent the request. Throws in a route that is not behind authentication. */
export function callerOf (request: FastifyRequest): Caller {
  const caller = contextOf(request)[CALLER]
  if (caller === undefined) throw new Error('This route is outside the context that authenticates requests.')
  return caller
}

/** The key whose tokens the request uses, if there is one. */
export function payerOf (request: FastifyRequest): Omit<Payer, 'project'> | undefined {
  const { keyName, tokensPerMinute, tokensPerDay } = callerOf(request)
  return keyName === undefined ? undefined : { keyName, ...tokensPerMinute === undefined ? {} : { tokensPerMinute }, ...tokensPerDay === undefined ? {} : { tokensPerDay } }
}

/** The API as the request's project sees it. Throws in a route that is not behind authentication. */
export function apiOf (request: FastifyRequest): ProjectApi {
  const api = contextOf(request)[API]
  if (api === undefined) throw new Error('This route is outside the context that authenticates requests.')
  return api
}

export function setBodyText (request: FastifyRequest, text: string): void {
  contextOf(request)[BODY_TEXT] = text
}

/** The text of the body as it was sent, where the route keeps it; `{}` without a body. */
export function bodyText (request: FastifyRequest): string {
  return contextOf(request)[BODY_TEXT]
}

function contextOf (request: FastifyRequest): RequestContext {
  return request as unknown as RequestContext
}

import { closeSync, createWriteStream, openSync, type WriteStream } from 'node:fs'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { fileWords } from '../../storage/base/file-words.js'
import type { Clock } from '../shared/clock.js'
import type { Logger } from '../shared/log.js'
import type { Audit, AuditEntry } from './audit-entry.js'
import { callerOf } from './request-context.js'

/** Reports every request that was let in, once it is answered. What fails in it is logged, and fails no request. */
export function auditRequests (api: FastifyInstance, audit: Audit, clock: Clock, log: Logger): void {
  const { write, close } = typeof audit === 'string' ? fileAudit(audit, log) : { write: audit, close: async () => {} }
  api.addHook('onResponse', async (request, reply) => {
    const { routeOptions, params, ip, id } = request
    const { operationId } = (routeOptions.schema ?? {}) as { operationId?: string }
    // A URL that does not exist is no operation.
    if (operationId === undefined) return
    const caller = identified(request)
    if (caller === undefined) return
    try {
      write({
        time: new Date(clock.now()).toISOString(),
        request_id: String(reply.getHeader('x-request-id') ?? id),
        project: caller.project,
        key: caller.keyName ?? null,
        operation: operationId,
        objects: { ...params as Record<string, string> },
        status: reply.statusCode,
        ip
      })
    } catch (err) {
      log.error({ err }, 'an entry of the audit log could not be written')
    }
  })
  api.addHook('onClose', close)
}

/** Undefined for a request that was refused before it was known whose it is. */
function identified (request: FastifyRequest): ReturnType<typeof callerOf> | undefined {
  try {
    return callerOf(request)
  } catch {
    return undefined
  }
}

/** Throws a TypeError for a file that cannot be written: a server without the log that it was asked for is not to start. */
function fileAudit (path: string, log: Logger): { write: (entry: AuditEntry) => void, close: () => Promise<void> } {
  try {
    closeSync(openSync(path, 'a', 0o600))
  } catch (cause) {
    throw new TypeError(`The audit log ${path} cannot be written: ${fileWords(cause, 'its folder does not exist') ?? (cause as Error).message}.`, { cause })
  }
  const stream: WriteStream = createWriteStream(path, { flags: 'a', mode: 0o600 })
  stream.on('error', err => log.error({ err }, 'the audit log cannot be written'))
  return {
    write: entry => { stream.write(`${JSON.stringify(entry)}\n`) },
    close: async () => await new Promise(resolve => { stream.end(() => resolve()) })
  }
}

import type { ModelPart, ModelProvider, ModelRequest } from '../models/provider.js'

/** All parts of a call. */
export async function read (provider: ModelProvider, request: ModelRequest, signal: AbortSignal = new AbortController().signal): Promise<ModelPart[]> {
  const parts: ModelPart[] = []
  for await (const part of provider.stream(request, { signal })) parts.push(part)
  return parts
}

export function textOf (parts: ModelPart[]): string {
  return parts.map(part => part.type === 'text' ? part.text : '').join('')
}

export interface MadeCall {
  id: string
  name: string
  arguments: string
  opaque?: unknown
}

/** The calls as an engine puts them together; throws when the parts are out of order. */
export function callsOf (parts: ModelPart[]): MadeCall[] {
  const calls: MadeCall[] = []
  for (const part of parts) {
    if (part.type === 'tool_call') {
      if (part.index !== calls.length) throw new Error(`call ${part.index} was announced after ${calls.length} calls`)
      calls.push({ id: part.id, name: part.name, arguments: '', ...('opaque' in part ? { opaque: part.opaque } : {}) })
    } else if (part.type === 'tool_arguments') {
      const call = calls[part.index]
      if (call === undefined) throw new Error(`arguments of call ${part.index} came before it`)
      call.arguments += part.fragment
      if (part.opaque !== undefined) call.opaque = part.opaque
    }
  }
  return calls
}

export function finishes (parts: ModelPart[]): string[] {
  return parts.flatMap(part => part.type === 'finish' ? [part.reason] : [])
}

/** What a promise is rejected with. */
export async function failure (promise: Promise<unknown>): Promise<any> {
  try {
    await promise
  } catch (thrown) {
    return thrown
  }
  throw new Error('it did not fail')
}

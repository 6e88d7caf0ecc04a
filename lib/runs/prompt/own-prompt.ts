import type { ModelMessage } from '../../models/provider.js'
import { textOf, type Call, type CallsItem, type Item } from '../items.js'

/** What a job has done so far, as the model reads it. */
export function ownPrompt (items: readonly Item[]): ModelMessage[] {
  const prompt: ModelMessage[] = []
  const ordinals = new Map<string, number>()
  items.forEach((item, i) => {
    if (item.kind === 'message') {
      const text = textOf(item)
      // An answer that was cut off before its first word says nothing.
      if (text !== '') prompt.push({ role: 'assistant', content: text })
      return
    }
    if (item.kind !== 'calls') return
    const turn = callsPrompt(item, ordinals)
    const spoken = items[i - 1]?.kind === 'message' ? prompt.at(-1) : undefined
    // Text that the model wrote before its calls belongs to the same turn: many vendors want one assistant message for it.
    if (turn[0]?.role === 'assistant' && spoken?.role === 'assistant') {
      prompt.pop()
      turn[0] = { ...turn[0], content: spoken.content }
    }
    prompt.push(...turn)
  })
  return prompt
}

/** @param ordinals how many calls of each built-in tool came before; counted on. */
function callsPrompt ({ calls }: CallsItem, ordinals: Map<string, number>): ModelMessage[] {
  if (calls.length === 0) return []
  return [
    {
      role: 'assistant',
      content: null,
      toolCalls: calls.map(({ id, name, arguments: args, opaque }) => ({ id, name, arguments: args, ...opaque === undefined ? {} : { opaque } }))
    },
    ...calls.map((call): ModelMessage => ({ role: 'tool', toolCallId: call.id, content: outputOf(call, ordinals) }))
  ]
}

function outputOf ({ output, builtIn }: Call, ordinals: Map<string, number>): string {
  if (builtIn === undefined) return output ?? ''
  const { type } = builtIn.step
  const ordinal = ordinals.get(type) ?? 0
  ordinals.set(type, ordinal + 1)
  return builtIn.offered.tool.output(builtIn.step, builtIn.kept, ordinal)
}

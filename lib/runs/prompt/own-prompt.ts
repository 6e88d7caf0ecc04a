import type { ModelMessage } from '../../models/provider.js'
import { textOf, type Call, type CallsItem, type Item } from '../items.js'

/** What a job has done so far, as the model reads it. */
export function ownPrompt (items: readonly Item[]): ModelMessage[] {
  return promptOf(items, new Map())
}

/** What an earlier job has done, as the model of a later one reads it. */
export function earlierPrompt (items: readonly Item[]): ModelMessage[] {
  return promptOf(items, undefined)
}

/** @param ordinals how many calls of each built-in tool came before, counted on; undefined for an earlier job. */
function promptOf (items: readonly Item[], ordinals: Map<string, number> | undefined): ModelMessage[] {
  const prompt: ModelMessage[] = []
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
      turn[0] = { ...turn[0], content: [spoken.content, turn[0].content].filter(text => text !== null).join('') }
    }
    prompt.push(...turn)
  })
  return prompt
}

function callsPrompt ({ calls, said }: CallsItem, ordinals: Map<string, number> | undefined): ModelMessage[] {
  if (calls.length === 0) return []
  return [
    {
      role: 'assistant',
      content: said ?? null,
      toolCalls: calls.map(({ id, name, arguments: args, opaque }) => ({ id, name, arguments: args, ...opaque === undefined ? {} : { opaque } }))
    },
    ...calls.map((call): ModelMessage => ({ role: 'tool', toolCallId: call.id, content: outputOf(call, ordinals) }))
  ]
}

function outputOf ({ output, builtIn }: Call, ordinals: Map<string, number> | undefined): string {
  if (builtIn === undefined) return output ?? ''
  const { type } = builtIn.step
  const ordinal = ordinals === undefined ? undefined : ordinals.get(type) ?? 0
  if (ordinal !== undefined) ordinals?.set(type, ordinal + 1)
  return builtIn.offered.tool.output(builtIn.step, builtIn.kept, ordinal)
}

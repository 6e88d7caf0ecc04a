import { randomInt } from 'node:crypto'
import { Type, type Static } from '@sinclair/typebox'
import type { BuiltInContext, BuiltInResult, BuiltInTool, ModelToolCall } from 'fastify-openai-compat'

/** How an assistant declares the tool: `{ type: 'dice', dice: { sides: 20 } }`. */
const DiceParam = Type.Object({
  type: Type.Literal('dice'),
  dice: Type.Optional(Type.Object({ sides: Type.Optional(Type.Integer({ minimum: 2, maximum: 1000 })) }, { additionalProperties: false }))
}, { additionalProperties: false })

interface Dice { type: 'dice', dice: { sides: number } }
interface DiceCall { id: string, type: 'dice', dice: { rolls: number[] } }
interface DiceDelta { id?: string, type: 'dice', dice: { rolls: number[] } }

/** A built-in tool of one's own: it rolls dice on the server, and readers of the stream see each roll. */
export const diceTool: BuiltInTool<Dice, DiceCall, null, DiceDelta> = {
  type: 'dice',
  schema: DiceParam,

  declare: param => ({ type: 'dice', dice: { sides: (param as Static<typeof DiceParam>).dice?.sides ?? 6 } }),

  offer: ({ dice: { sides } }) => ({
    name: 'roll_dice',
    description: `Rolls dice with ${sides} sides.`,
    parameters: { type: 'object', properties: { count: { type: 'integer', minimum: 1, maximum: 10 } }, required: ['count'] }
  }),

  begin: ({ id }) => ({ id, type: 'dice', dice: { rolls: [] } }),

  async * run (call: ModelToolCall, { declared, signal }: BuiltInContext<Dice>): AsyncGenerator<DiceDelta, BuiltInResult<DiceCall, null>> {
    const rolls: number[] = []
    for (let left = countOf(call.arguments); left > 0; left--) {
      signal.throwIfAborted()
      rolls.push(randomInt(1, declared.dice.sides + 1))
      yield { type: 'dice', dice: { rolls: rolls.slice(-1) } }
    }
    return { call: { id: call.id, type: 'dice', dice: { rolls } }, kept: null }
  },

  output: ({ dice: { rolls } }) => rolls.length === 0 ? 'Error: "count" must be 1 to 10.' : rolls.join(', '),

  replay: call => [call]
}

/** What a model writes may be anything: 0 for what is no count. */
function countOf (args: string): number {
  try {
    const { count } = JSON.parse(args) as { count?: unknown }
    return typeof count === 'number' && Number.isInteger(count) && count >= 1 && count <= 10 ? count : 0
  } catch {
    return 0
  }
}

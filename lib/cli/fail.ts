import { descriptorsUsedUp } from '../shared/descriptors.js'
import { fileTrouble } from './file-trouble.js'

/** One sentence for the operator; the stack behind it only on request. */
export function fail (error: unknown): void {
  const { message, stack } = error instanceof Error ? error : new Error(String(error))
  const [line = ''] = (descriptorsUsedUp(error) ?? fileTrouble(error) ?? message).split('\n')
  const sentence = /[.?!]$/.test(line) ? line : `${line}.`
  const details = /^(debug|trace)$/.test(process.env.LOG_LEVEL ?? '') ? `${stack}\n` : ''
  process.stderr.write(`fastify-openai-compat: ${sentence}\n${details}`, () => process.exit(1))
}

import { Instrumenter } from '@stryker-mutator/instrumenter'

/**
 * @typedef {object} Mutant One small change of a file.
 * @property {string} id
 * @property {string} line the line that it begins in, without its indentation
 * @property {string} from the piece that is changed
 * @property {string} to what it becomes
 */

const LEVELS = ['debug', 'info', 'warn', 'error']

/** Whether the node calls `log.warn(…)`, `this.#services.log.warn(…)` and the like: what is logged, and how, loses no data and locks no thread. */
function isLogCall ({ node }) {
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return false
  const { object, property } = node.callee
  const of = object.type === 'Identifier' ? object.name : object.property?.name ?? object.property?.id?.name
  return LEVELS.includes(property.name) && of === 'log'
}

const OPTIONS = { plugins: null, excludedMutations: [], noHeader: false, ignorers: [{ shouldIgnore: path => isLogCall(path) ? 'what is logged' : undefined }] }
const SILENT = { debug () {}, info () {}, warn () {}, isDebugEnabled: () => false }

/** Where a mutant is in the source, whose lines and columns it counts from 0. */
function describe ({ id, location: { start, end }, replacement }, lines) {
  const piece = lines.slice(start.line, end.line + 1)
  piece[piece.length - 1] = piece.at(-1).slice(0, end.column)
  piece[0] = piece[0].slice(start.column)
  return { id, line: lines[start.line].trim(), from: piece.join('\n'), to: replacement }
}

/**
 * JavaScript with all of its mutants in it, which takes the one that is switched on (see inside.js) and counts which of them could have been reached.
 * @returns {Promise<{ code: string, mutants: Mutant[] }>}
 */
export async function withMutants (name, source) {
  const { files: [{ content: code }], mutants } = await new Instrumenter(SILENT).instrument([{ name, mutate: true, content: source }], OPTIONS)
  const lines = source.split('\n')
  return { code, mutants: mutants.filter(({ status }) => status !== 'Ignored').map(mutant => describe(mutant, lines)) }
}

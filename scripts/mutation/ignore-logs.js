import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin'

const LEVELS = ['debug', 'info', 'warn', 'error']

/** Whether the node calls `log.warn(…)`, `this.#services.log.warn(…)` and the like. */
function isLogCall (node) {
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return false
  const { object, property } = node.callee
  const of = object.type === 'Identifier' ? object.name : object.property?.name ?? object.property?.id?.name
  return LEVELS.includes(property.name) && of === 'log'
}

/** What is logged, and how, loses no data and locks no thread. */
export const strykerPlugins = [declareValuePlugin(PluginKind.Ignore, 'logs', {
  shouldIgnore: ({ node }) => isLogCall(node) ? 'what is logged' : undefined
})]

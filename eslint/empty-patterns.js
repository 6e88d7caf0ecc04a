/**
 * Patterns that match any list or any object. `t.match(x, { data: [] })` holds for each `data` that is a list, since a pattern says what there has to
 * be and an empty one says nothing. An empty list is matched by `{ length: 0 }`; an empty object wants `t.strictSame`.
 */
const PATTERNS = ['match', 'has', 'hasStrict']

/** The literals that an expression of a pattern is made of. */
function * literals (node) {
  switch (node?.type) {
    case 'ArrayExpression':
      yield node
      for (const element of node.elements) yield * literals(element)
      break
    case 'ObjectExpression':
      yield node
      for (const property of node.properties) yield * literals(property.value)
      break
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
      yield * literals(node.expression)
      break
    case 'ConditionalExpression':
      yield * literals(node.consequent)
      yield * literals(node.alternate)
  }
}

/** @type {import('eslint').Rule.RuleModule} */
export default {
  meta: { type: 'problem', schema: [], messages: { list: 'Any list matches [].', object: 'Any object matches {}.' } },
  create: context => ({
    CallExpression ({ callee, arguments: [, pattern] }) {
      if (callee.type !== 'MemberExpression' || !PATTERNS.includes(callee.property.name)) return
      for (const node of literals(pattern)) {
        if ((node.elements ?? node.properties).length === 0) context.report({ node, messageId: node.type === 'ArrayExpression' ? 'list' : 'object' })
      }
    }
  })
}

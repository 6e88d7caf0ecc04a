/** Names of Fastify's reply that lead past it, to the socket. */
const RAW = ['raw', 'hijack']

/** Reaching past a `FastifyReply`, whatever the variable is called. Needs types. */
export default {
  meta: { type: 'problem', schema: [] },
  create (context) {
    const { program, esTreeNodeToTSNodeMap } = context.sourceCode.parserServices
    const checker = program.getTypeChecker()
    const isReply = node => {
      const type = checker.getNonNullableType(checker.getTypeAtLocation(esTreeNodeToTSNodeMap.get(node)))
      return (type.isUnionOrIntersection() ? type.types : [type]).some(part => (part.aliasSymbol ?? part.symbol)?.name === 'FastifyReply')
    }
    const report = (node, name) => context.report({ node, message: `Only lib/http/sse.ts touches a reply's \`${name}\`.` })
    return {
      MemberExpression (node) {
        const name = node.computed ? node.property.value : node.property.name
        if (RAW.includes(name) && isReply(node.object)) report(node, name)
      },
      ObjectPattern (node) {
        for (const { key } of node.properties) {
          if (RAW.includes(key?.name) && isReply(node)) report(node, key.name)
        }
      }
    }
  }
}

import { test } from 'node:test'
import { builtInToolSuite, withAssertions } from 'fastify-openai-compat/conformance'
import { diceTool } from './dice-tool.ts'

builtInToolSuite({
  test: withAssertions((name, body) => test(name, body)),
  factory: () => ({ tool: diceTool, param: { type: 'dice' }, arguments: '{"count":2}' })
})

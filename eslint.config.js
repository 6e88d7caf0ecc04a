import neostandard from 'neostandard'

const oneWay = (files, patterns) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns }] }
})

const fastify = { group: ['fastify', '@fastify/*'], message: 'The domain runs without a server.' }
const undici = { group: ['undici'], message: 'Through lib/shared/undici.ts, which leaves the host\'s fetch alone.' }
const up = (...groups) => ({ group: groups, message: 'Imports point one way: schemas <- storage <- lib <- routes <- lib/plugin.' })

export default [
  ...neostandard({ ts: true, ignores: ['build', 'dist', 'node_modules', 'data', '.tap'] }),
  // TypeScript knows when a switch is exhaustive; these rules do not.
  { files: ['**/*.ts'], rules: { 'array-callback-return': 'off' } },
  // A schema and its type share a name: that is the point.
  { files: ['schemas/**'], rules: { '@typescript-eslint/no-redeclare': 'off' } },
  oneWay(['schemas/**'], [fastify, up('**/storage/*', '**/lib/*', '**/lib/**', '**/routes/*')]),
  oneWay(['storage/**'], [fastify, up('**/lib/*', '**/lib/**', '**/routes/*')]),
  oneWay(['lib/*.ts', 'lib/http/**', 'routes/**'], [undici]),
  oneWay(['lib/threads/**', 'lib/runs/**', 'lib/dialects/**', 'lib/models/**', 'lib/tools/**', 'lib/retrieval/**', 'lib/chat/**'], [fastify, undici, up('**/routes/*')]),
  { files: ['lib/shared/undici.ts'], rules: { 'no-restricted-imports': 'off' } }
]

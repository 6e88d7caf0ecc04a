import neostandard from 'neostandard'
import boundaries from './eslint/boundaries.js'
import emptyPatterns from './eslint/empty-patterns.js'
import { LAYERS } from './eslint/layers.js'

/** The files of layers, as globs. */
const filesOf = layers => layers.flatMap(({ files }) => files).map(place => place.endsWith('.ts') ? place : `${place}/**/*.ts`)

const library = LAYERS.filter(({ files }) => !files.includes('test'))

const environment = 'The command line reads the environment; everything else has options.'
const rawReply = 'Only lib/http/sse.ts reaches past a reply, to the socket.'

// Circles of imports and what needs types (promises that nobody awaits) are oxlint's: see .oxlintrc.json.
export default [
  ...neostandard({ ts: true, ignores: ['build', 'dist', 'node_modules', 'data', '.tap'] }),
  // TypeScript knows when a switch is exhaustive; these rules do not.
  { files: ['**/*.ts'], rules: { 'array-callback-return': 'off' } },
  // A schema and its type share a name: that is the point.
  { files: ['schemas/**'], rules: { '@typescript-eslint/no-redeclare': 'off' } },
  // A handler of an event starts what nobody waits for, and says so; lists that never change need no keys.
  { files: ['console/**'], rules: { 'no-void': ['error', { allowAsStatement: true }], 'react/jsx-key': 'off' } },
  {
    files: ['**/*.ts', '**/*.tsx'],
    plugins: { ours: { rules: { boundaries, 'empty-patterns': emptyPatterns } } },
    rules: { 'ours/boundaries': 'error', 'ours/empty-patterns': 'error' }
  },
  {
    files: filesOf(library),
    ignores: filesOf(library.filter(({ packages }) => packages?.includes('process'))),
    rules: {
      'no-restricted-properties': ['error',
        { object: 'process', property: 'env', message: environment },
        { object: 'globalThis', property: 'process', message: environment }]
    }
  },
  {
    // Where there are replies. A request's `raw` is harmless.
    files: filesOf(library.filter(({ packages }) => packages?.includes('fastify'))),
    ignores: ['lib/http/sse.ts'],
    rules: {
      'no-restricted-syntax': ['error',
        { selector: 'MemberExpression[property.name=/^(raw|hijack)$/]:not([object.name="request"])', message: rawReply },
        { selector: 'MemberExpression[property.value=/^(raw|hijack)$/]', message: rawReply },
        { selector: 'ObjectPattern > Property[key.name=/^(raw|hijack)$/]', message: rawReply }]
    }
  }
]

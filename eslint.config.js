import neostandard from 'neostandard'
import boundaries from './eslint/boundaries.js'
import rawReply from './eslint/raw-reply.js'

const LIBRARY = ['lib/**/*.ts', 'routes/**/*.ts', 'schemas/**/*.ts', 'storage/**/*.ts']

export default [
  ...neostandard({ ts: true, ignores: ['build', 'dist', 'node_modules', 'data', '.tap'] }),
  // TypeScript knows when a switch is exhaustive; these rules do not.
  { files: ['**/*.ts'], rules: { 'array-callback-return': 'off' } },
  // A schema and its type share a name: that is the point.
  { files: ['schemas/**'], rules: { '@typescript-eslint/no-redeclare': 'off' } },
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    plugins: { ours: { rules: { boundaries, 'raw-reply': rawReply } } },
    rules: { 'ours/boundaries': 'error' }
  },
  {
    files: LIBRARY,
    ignores: ['lib/http/sse.ts'],
    rules: { 'ours/raw-reply': 'error' }
  },
  {
    files: LIBRARY,
    ignores: ['lib/cli.ts', 'lib/cli/**'],
    rules: {
      'no-restricted-properties': ['error',
        { object: 'process', property: 'env', message: 'The command line reads the environment; everything else has options.' },
        { object: 'globalThis', property: 'process', message: 'The command line reads the environment; everything else has options.' }]
    }
  }
]

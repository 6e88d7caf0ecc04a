/**
 * Writes what CommonJS needs beside each entry of the package: `index.cjs`, which requires the one ES module there is (Node can, in every
 * version that this package runs on), and `index.d.cts`, its types. `module: node16` refuses a type that a CommonJS file takes from
 * an ES module by plain re-export, so each value is named with the type that it has there.
 *
 *   node scripts/commonjs.js dist/lib dist/lib/conformance
 */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const isClass = value => typeof value === 'function' && /^class\b/.test(Function.prototype.toString.call(value))

for (const folder of process.argv.slice(2)) {
  const values = await import(pathToFileURL(resolve(folder, 'index.js')).href)
  const names = Object.keys(values).filter(name => name !== 'default')
  const declarations = names.flatMap(name => [
    `export declare const ${name}: typeof esm.${name}`,
    // A class is a type as well, and a declared constant hides what `export type *` brings under its name.
    ...isClass(values[name]) ? [`export type ${name} = esm.${name}`] : []
  ])
  if ('default' in values) declarations.push('declare const main: typeof esm.default', 'export default main')
  writeFileSync(join(folder, 'index.d.cts'), [
    'import type * as esm from \'./index.js\' with { \'resolution-mode\': \'import\' }',
    'export type * from \'./index.js\' with { \'resolution-mode\': \'import\' }',
    ...declarations,
    ''
  ].join('\n'))
  // One line each: tools tell what a CommonJS file exports by reading it.
  writeFileSync(join(folder, 'index.cjs'), [
    '\'use strict\'',
    'Object.defineProperty(exports, \'__esModule\', { value: true })',
    'const esm = require(\'./index.js\')',
    ...Object.keys(values).map(name => `exports.${name} = esm.${name}`),
    ''
  ].join('\n'))
}

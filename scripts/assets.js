/**
 * Puts beside the code what it needs of three large packages, so that they, and what they would install, need not be there with it:
 *
 * - `dist/pdf`: pdf.js as `unpdf` builds it for servers, changed where it loses text, and the character maps, standard fonts and image decoders
 *   of `pdfjs-dist`;
 * - `dist/tokens`: the tables of the one encoding of `gpt-tokenizer` that is counted with, and what counts.
 *
 * Each with its licence. Nothing is done while they are of the versions of the last time.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PDFJS_CHANGES, withChanges } from './pdfjs.js'

const dist = join(import.meta.dirname, '../dist')
const stamp = join(dist, '.assets')

const folderOf = name => join(import.meta.dirname, '../node_modules', name)
const versionOf = name => JSON.parse(readFileSync(join(folderOf(name), 'package.json'), 'utf8')).version

const versions = [...['pdfjs-dist', 'unpdf', 'gpt-tokenizer'].map(name => `${name} ${versionOf(name)}`), JSON.stringify(PDFJS_CHANGES, (_, value) => value instanceof RegExp ? value.source : value)].join('\n')
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== versions || !existsSync(join(dist, 'pdf')) || !existsSync(join(dist, 'tokens/o200k_base.js'))) {
  const pdf = join(dist, 'pdf')
  rmSync(pdf, { recursive: true, force: true })
  mkdirSync(pdf, { recursive: true })
  for (const folder of ['cmaps', 'standard_fonts', 'wasm']) cpSync(join(folderOf('pdfjs-dist'), folder), join(pdf, folder), { recursive: true })
  cpSync(join(folderOf('pdfjs-dist'), 'LICENSE'), join(pdf, 'LICENSE'))
  cpSync(join(folderOf('unpdf'), 'LICENSE'), join(pdf, 'LICENSE-unpdf'))
  writeFileSync(join(pdf, 'pdfjs.mjs'), withChanges(readFileSync(join(folderOf('unpdf'), 'dist/pdfjs.mjs'), 'utf8')))

  const { build } = await import('vite')
  const tokens = join(dist, 'tokens')
  await build({
    configFile: false,
    logLevel: 'warn',
    build: {
      lib: { entry: join(folderOf('gpt-tokenizer'), 'esm/encoding/o200k_base.js'), formats: ['es'], fileName: () => 'o200k_base.js' },
      outDir: tokens,
      emptyOutDir: true,
      target: 'node20'
    }
  })
  cpSync(join(folderOf('gpt-tokenizer'), 'LICENSE'), join(tokens, 'LICENSE'))
  writeFileSync(stamp, versions)
}

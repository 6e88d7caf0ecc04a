/**
 * Makes the JavaScript of `dist`, beside the declarations that `tsc` has put there: what `lib/index.ts`, the command line and the suites are
 * made of, in a few files instead of a thousand. A start has to find, read and link each file that it loads, which took longer than all that is
 * in them. Each program that is started in a thread or a process of its own has a file of its own, where its source is.
 *
 * Packages of many small modules go into the files, with their licences beside them; all others stay what npm installs, so that it can mend them.
 */
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { rolldown } from 'rolldown'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

/** Where the package is entered. */
const ENTRIES = ['lib/index', 'lib/cli', 'lib/conformance/index']
/** What the package itself starts. One that is confined may read nothing outside of its folder, so nothing is shared. */
const PROGRAMS = ['lib/models/token-worker', 'lib/retrieval/document-main', 'lib/retrieval/document-worker', 'lib/retrieval/index/index-worker', 'lib/sandbox/pyodide/child', 'lib/sandbox/pyodide/snapshot']
/** 250, 3 and 30 modules of which a start takes nearly all, and two tables out of thirty. */
const INLINED = ['@sinclair/typebox', '@fastify/type-provider-typebox', '@orama/stemmers', '@opentelemetry/api', 'opencc-js']

const packageOf = id => /^(?:@[^/]+\/)?[^/]+/.exec(id)?.[0]
const isOurs = id => id.startsWith('.') || id.startsWith(root)
const isExternal = id => !isOurs(id) && !INLINED.includes(packageOf(id))

/** What a module finds relative to itself it finds from the file that it is in, which stands in `folder`. */
const places = folder => ({
  name: 'places',
  transform: {
    filter: { code: /import\.meta/, id: { exclude: /node_modules/ } },
    handler: (code, id) => {
      for (const [, file] of code.matchAll(/new URL\('(\.[^']+)\.js', import\.meta\.url\)/g)) {
        const program = relative(root, join(dirname(id), file))
        if (!PROGRAMS.includes(program)) throw new Error(`${program} is started by ${id}, and is none of the programs that are bundled`)
      }
      const path = relative(join(root, folder), id)
      return code.replaceAll('import.meta.url', `new URL(${JSON.stringify(path.startsWith('.') ? path : `./${path}`)}, import.meta.url).href`)
    }
  }
})

async function bundle (names, folder) {
  const files = await rolldown({
    cwd: root,
    input: Object.fromEntries(names.map(name => [name, join(root, `${name}.ts`)])),
    platform: 'node',
    external: isExternal,
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    transform: { target: 'es2023' },
    plugins: [places(folder)],
    onLog: (level, { code, message }) => { if (level === 'warn' && code !== 'INEFFECTIVE_DYNAMIC_IMPORT') throw new Error(message) }
  })
  // With hashes: a process that runs while it is replaced finds its own files or none, and never those of another version.
  const { output } = await files.write({ dir: dist, format: 'esm', chunkFileNames: `${folder}/[name]-[hash].js` })
  await files.close()
  for (const { fileName, code } of output) {
    if (dirname(fileName) !== folder && code.includes('import.meta')) throw new Error(`dist/${fileName} is not in ${folder}, where what it finds relative to itself is looked for`)
  }
  return output.flatMap(({ moduleIds }) => moduleIds)
}

for (const folder of ['lib', 'routes', 'schemas', 'storage'].map(name => join(dist, name))) {
  for (const name of existsSync(folder) ? readdirSync(folder, { recursive: true }) : []) if (/\.c?js$/.test(name)) rmSync(join(folder, name))
}
const modules = await bundle(ENTRIES, 'lib')
for (const program of PROGRAMS) modules.push(...await bundle([program], dirname(program)))

const licences = [...new Set(modules.flatMap(id => /.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []))].sort().map(folder => {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  // What a package has of others may have a licence of its own, in a folder or a file beside the package's.
  const files = readdirSync(folder).filter(entry => /^(?:licen[cs]e|third.party)/i.test(entry)).sort()
    .flatMap(entry => statSync(join(folder, entry)).isDirectory() ? readdirSync(join(folder, entry)).sort().map(file => join(entry, file)) : [entry])
  if (files.length === 0) throw new Error(`${name} has no licence that could be passed on`)
  return `${name} ${version}\n\n${files.map(file => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n')}\n`
})
writeFileSync(join(dist, 'lib/LICENSES'), licences.join(`\n${'-'.repeat(80)}\n\n`))

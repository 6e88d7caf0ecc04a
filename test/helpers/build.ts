import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../..', import.meta.url))

let built: string | undefined

/**
 * The sources as JavaScript, as they are at this moment: processes started from it start several times faster than under
 * the loader of the tests, which compiles everything anew in each. Made once per test file, removed when that ends.
 */
export function builtSources (): string {
  if (built !== undefined) return built
  // Inside the repository, so that packages are found.
  const folder = join(root, '.tap', 'build', String(process.pid))
  for (const path of ['lib', 'routes', 'schemas', 'storage'].flatMap(name => sources(join(root, name)))) {
    const { outputText } = ts.transpileModule(readFileSync(path, 'utf8'), {
      fileName: path,
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true }
    })
    const target = join(folder, relative(root, path).replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, outputText)
  }
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  built = folder
  return folder
}

function sources (folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.ts')).map(name => join(folder, name))
}

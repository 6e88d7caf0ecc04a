import { join, resolve } from 'node:path'
import ts from 'typescript'
import { root } from '../../helpers/paths.js'
import { where, type Block } from './blocks.js'

/** Below the root, so that packages are found. Nothing is written there. */
const FOLDER = join(root, 'test/docs/.blocks')

/**
 * What the compiler says of the blocks, each a module of its own, in strict mode and all in one program. A complaint begins
 * with the page and the line of it.
 */
export function complaintsOf (blocks: readonly Block[]): string[] {
  const byPath = new Map(blocks.map((block, index) => [join(FOLDER, `${index}.ts`), block]))
  const options = compilerOptions()
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  const sourceOf = (path: string): string | undefined => {
    const code = byPath.get(resolve(path))?.code
    // A block without imports would be a script, and scripts share their names.
    return code === undefined ? undefined : `${code}\nexport {}\n`
  }
  host.fileExists = path => sourceOf(path) !== undefined || fileExists(path)
  host.readFile = path => sourceOf(path) ?? readFile(path)
  host.getSourceFile = (path, ...rest) => {
    const source = sourceOf(path)
    return source === undefined ? getSourceFile(path, ...rest) : ts.createSourceFile(path, source, ts.ScriptTarget.ES2023)
  }
  const program = ts.createProgram([...byPath.keys()], options, host)
  return [...byPath].flatMap(([path, block]) => {
    const file = program.getSourceFile(path)!
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(({ start = 0, messageText }) => {
      const line = block.line + file.getLineAndCharacterOfPosition(start).line
      return `${where({ ...block, line })}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
    })
  })
}

/** Those of the project, with the package by its name, and without what is only a matter of style. */
function compilerOptions (): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as { config: object }
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, root)
  return { ...options, noUnusedLocals: false, noUnusedParameters: false, paths: { 'fastify-openai-compat': [join(root, 'lib/index.ts')], 'fastify-openai-compat/conformance': [join(root, 'lib/conformance/index.ts')] } }
}

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'

/** Tap is what runs it; of libsql the file for this machine is found at run time; pg asks for a package that few have. */
const EXTERNAL = ['tap', /^@?libsql/, 'pg-native']
const BUILD = join(import.meta.dirname, '../../build')

/** What a module finds relative to itself it finds where it was. */
function inPlace (code, id) {
  const { href } = pathToFileURL(id)
  return code
    .replaceAll(/\bimport\.meta\.url\b/g, JSON.stringify(href))
    .replaceAll(/\bimport\.meta\.dirname\b/g, JSON.stringify(join(id, '..')))
    .replaceAll(/\bimport\.meta\.filename\b/g, JSON.stringify(id))
}

/**
 * Puts a test file into one script with all that it imports, but for tap, to be run again and again: most of a test's time goes into finding, reading
 * and linking a thousand files. What it starts (threads, processes) is not in it, and so runs without mutants.
 * @param {object} options
 * @param {string} options.test path of the compiled test
 * @param {string} options.file path of the compiled file that is replaced
 * @param {string} options.code by what
 * @param {string} options.to path of the script
 */
export async function bundle ({ test, file, code, to }) {
  const files = await rolldown({
    input: test,
    platform: 'node',
    external: EXTERNAL,
    plugins: [{
      name: 'mutation',
      load: id => id === file ? code : undefined,
      // The package says of its modules that nothing comes of loading them, which is not so of its tests.
      transform: (code, id) => ({ code: code.includes('import.meta') ? inPlace(code, id) : code, ...id.startsWith(BUILD) ? { moduleSideEffects: true } : {} })
    }],
    onLog: () => {}
  })
  await files.write({ file: to, format: 'cjs', codeSplitting: false, minify: { compress: false, mangle: false, codegen: true } })
  await files.close()
}

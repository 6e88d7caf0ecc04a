import { writeFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { DEFAULT_NAMES } from './config-file.js'
import { OperatorError } from './errors.js'
import { fileTrouble } from './file-trouble.js'

/** Where editors find what a config file may hold, seen from a folder that has the package installed. */
const SCHEMA = './node_modules/fastify-openai-compat/docs/config.schema.json'

const MODULE = `// Options of the server: docs/options.md lists them all. Flags and environment variables win over this file.

/** @type {import('fastify-openai-compat').OpenAIServerConfig & { logLevel?: string }} */
export default {
  // Where to listen. Other machines reach the server with host '0.0.0.0'; give it keys then.
  host: '127.0.0.1',
  port: 8080,

  // Where everything is kept: sqlite:FILE, memory:, redis://..., or postgres://...
  storage: 'sqlite:./data/openai-compat.db',

  // Keys that may call, and their projects, which see nothing of each other.
  // "fastify-openai-compat key create --name me" makes an entry that holds a hash in place of the key.
  // apiKeys: [{ key: 'sha256:...', name: 'me', project: 'default' }],

  // Where models are. Without any: Ollama on this machine if it answers, else a model that repeats its prompt.
  // providers: {
  //   ollama: { baseURL: 'http://127.0.0.1:11434/v1' },
  //   openai: { baseURL: 'https://api.openai.com/v1', apiKey: process.env.OPENAI_API_KEY }
  // },
  // defaultProvider: 'ollama',

  // Models that your code asks for, and those that answer instead.
  // aliases: { 'gpt-4*': 'llama3.2' },

  // How long an unfinished run lives, and other limits.
  // limits: { runExpiresS: 600 },

  // Where code_interpreter runs code: 'auto', 'off', or { backend: 'bubblewrap' }.
  // codeInterpreter: 'auto',

  logLevel: 'info'
}
`

const JSON_TEXT = `${JSON.stringify({ $schema: SCHEMA, host: '127.0.0.1', port: 8080, storage: 'sqlite:./data/openai-compat.db', logLevel: 'info' }, null, 2)}\n`

/** `init`: writes a config file to begin with. */
export async function runInit (file: string, out: NodeJS.WritableStream): Promise<void> {
  if (!/\.(json|mjs|js)$/.test(file)) throw new OperatorError(`The config file ${file} must end in .mjs, .js or .json.`)
  try {
    await writeFile(file, file.endsWith('.json') ? JSON_TEXT : MODULE, { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST'
    throw new OperatorError(isThere ? `The file ${file} exists: it is left as it is.` : fileTrouble(cause, file) ?? `The file ${file} cannot be written: ${(cause as Error).message}.`, { cause })
  }
  const found = !DEFAULT_NAMES.includes(basename(file)) ? '' : dirname(file) === '.' ? 'in this folder, or ' : 'in the folder of the file, or '
  out.write(`Wrote ${file}. Start the server ${found}with --config ${file}.\n`)
}

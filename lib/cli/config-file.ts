import { existsSync, statSync } from 'node:fs'
import { access, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { whyUnreadable } from '../../storage/base/file-words.js'
import { knownKeys } from '../http/keys.js'
import { SERVER_OPTION_NAMES, type OpenAIServerConfig } from '../server/options.js'
import { closestOf } from './commands.js'
import { OperatorError } from './errors.js'
import { logLevel } from './values.js'

/** What a config file may hold: the options of `OpenAIServer`, with a log level in place of `logging`. */
export interface FileConfig extends Omit<OpenAIServerConfig, 'logging'> {
  logLevel?: string
}

export interface ConfigFile {
  path: string
  config: FileConfig
}

export const DEFAULT_NAMES: readonly string[] = ['openai-compat.config.json', 'openai-compat.config.js', 'openai-compat.config.mjs', 'openai-compat.config.cjs']
/** What editors read. */
const SCHEMA = '$schema'
const OPTION_NAMES = [...SERVER_OPTION_NAMES.filter(name => name !== 'logging'), 'logLevel']

/** Reads the file that was asked for, else the one in `folder` if there is one. Throws an `OperatorError` that names it. */
export async function readConfigFile (asked: string | undefined, folder: string): Promise<ConfigFile | undefined> {
  const path = asked === undefined ? findIn(folder) : resolve(folder, asked)
  if (path === undefined) return undefined
  const config = path.endsWith('.json') ? await readJson(path) : await importModule(path)
  check(config, path)
  return { path, config }
}

function findIn (folder: string): string | undefined {
  const [path, other] = DEFAULT_NAMES.map(name => resolve(folder, name)).filter(path => existsSync(path))
  if (other !== undefined) throw new OperatorError(`There are two config files, ${path} and ${other}: remove one, or name one with --config.`)
  return path
}

async function readJson (path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => { throw unreadable(path, cause) })
  try {
    return JSON.parse(text) as unknown
  } catch (cause) {
    // Of the parser's message only the place: the rest may quote the file, which may hold keys.
    const position = /at position (\d+)/.exec((cause as Error).message)?.[1]
    const place = position === undefined ? '' : ` (line ${text.slice(0, Number(position)).split('\n').length})`
    throw new OperatorError(`The config file ${path} is not valid JSON${place}.`)
  }
}

async function importModule (path: string): Promise<unknown> {
  // Told apart from a module that the file imports and that cannot be read.
  await access(path).catch((cause: unknown) => { throw unreadable(path, cause) })
  if (statSync(path).isDirectory()) throw unreadable(path, new Error('it is a folder'))
  try {
    const module = await import(pathToFileURL(path).href) as { default?: unknown }
    return module.default
  } catch (cause) {
    if (cause instanceof SyntaxError && path.endsWith('.js') && /\bexport\b|\bimport\b/.test(cause.message)) {
      throw new OperatorError(`The config file ${path} is an ES module in a folder of CommonJS: name it ${path.replace(/\.js$/, '.mjs')}, or use module.exports.`, { cause })
    }
    throw unreadable(path, cause)
  }
}

function unreadable (path: string, cause: unknown): OperatorError {
  return new OperatorError(`The config file ${path} cannot be read: ${whyUnreadable(cause)}.`, { cause })
}

const meant = (name: string): string => {
  const closest = closestOf(name, OPTION_NAMES)
  return closest === undefined ? '.' : `, did you mean "${closest}"?`
}

/** Refuses what would be a surprise later, or a hole; the server checks the rest. */
function check (config: unknown, path: string): asserts config is FileConfig {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new OperatorError(`The config file ${path} must ${path.endsWith('.json') ? 'hold' : 'export by default'} an object.`)
  }
  if (path.endsWith('.json')) delete (config as { [SCHEMA]?: unknown })[SCHEMA]
  for (const name of Object.keys(config)) {
    if (!OPTION_NAMES.includes(name)) throw new OperatorError(`The config file ${path} has an unknown option "${name}"${meant(name)} There are: ${OPTION_NAMES.join(', ')}.`)
  }
  const { apiKeys, logLevel: level } = config as FileConfig
  if (apiKeys !== undefined && typeof apiKeys !== 'function') {
    try {
      knownKeys(apiKeys, '"apiKeys"')
    } catch (error) {
      throw new OperatorError(`The config file ${path} is not right: ${(error as Error).message}`)
    }
  }
  if (level !== undefined) logLevel(String(level), `"logLevel" in the config file ${path}`)
}

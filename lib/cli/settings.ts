import { BACKENDS } from '../sandbox/choose.js'
import * as parse from './values.js'
import type { ParseValue } from './values.js'

/** One row of the command line's table: the parser, `--help` and docs/command-line.md are made from it. */
export interface Setting<T> {
  /** Long flag, without dashes. Without one the setting is known to the environment only. */
  flag?: string
  short?: string
  /** What stands for the value in the help. */
  placeholder: string
  /** The environment variable. An empty one counts as not set. */
  env: string
  /** The flag may be repeated; in the environment the values are separated by commas. */
  list?: true
  /** The flag has no value: it is true where it is given. */
  isSwitch?: true
  /** A variable that is set but empty is a mistake, and one that leaves a door open. */
  mustHoldSomething?: true
  /** As the help says it. */
  fallback: string
  about: string
  parse: ParseValue<T>
}

function one<T> (setting: Omit<Setting<T>, 'list'>): Setting<T> {
  return setting
}

function many<T> (setting: Omit<Setting<T>, 'list'>): Setting<T> & { list: true } {
  return { ...setting, list: true }
}

export const SETTINGS = {
  port: one({
    flag: 'port', short: 'p', placeholder: 'PORT', env: 'PORT', fallback: '8080', about: 'TCP port, 0 for any free one', parse: parse.port
  }),
  host: one({
    flag: 'host', placeholder: 'HOST', env: 'HOST', fallback: '127.0.0.1', about: 'address to listen on', parse: parse.text
  }),
  storage: one({
    flag: 'storage',
    placeholder: 'URL',
    env: 'STORAGE_URL',
    fallback: 'sqlite:./data/openai-compat.db',
    about: 'where data is stored: sqlite:FILE, memory:, or a redis, rediss or postgres URL',
    parse: parse.storageUrl
  }),
  apiKeys: many({
    flag: 'api-key',
    placeholder: 'KEY[=PROJECT]',
    env: 'API_KEYS',
    fallback: 'none: open',
    about: 'a key that may call, and its project',
    mustHoldSomething: true,
    parse: parse.apiKey
  }),
  apiKeysFile: one({
    flag: 'api-keys-file', placeholder: 'FILE', env: 'API_KEYS_FILE', fallback: 'none', about: 'file with more keys, read again when it changes', parse: parse.text
  }),
  requireKeys: one({
    flag: 'require-keys', placeholder: '', env: 'REQUIRE_API_KEYS', fallback: 'false', about: 'do not start without an API key', isSwitch: true, parse: parse.yesOrNo
  }),
  allowedHosts: many({
    flag: 'allowed-host',
    placeholder: 'HOST',
    env: 'ALLOWED_HOSTS',
    fallback: 'this machine',
    about: 'host that requests may name when there are no keys; * for any',
    parse: parse.text
  }),
  baseUrl: one({
    flag: 'base-url',
    placeholder: 'URL',
    env: 'OPENAI_BASE_URL',
    fallback: 'OpenAI when there is a key, else Ollama if it answers, else echo',
    about: 'OpenAI-compatible endpoint that serves the models (provider "openai")',
    parse: parse.httpUrl
  }),
  upstreamKey: one({
    flag: 'upstream-key', placeholder: 'KEY', env: 'OPENAI_API_KEY', fallback: 'none', about: 'the key for that endpoint', parse: parse.text
  }),
  defaultModel: one({
    flag: 'default-model', placeholder: 'MODEL', env: 'DEFAULT_MODEL', fallback: 'none', about: 'model for requests that name none', parse: parse.text
  }),
  aliases: many({
    flag: 'alias', placeholder: 'FROM=TO', env: 'MODEL_ALIASES', fallback: 'none', about: 'use model TO where FROM (exact, or with *) is asked for', parse: parse.alias
  }),
  codeInterpreter: one({
    flag: 'code-interpreter',
    placeholder: 'SANDBOX',
    env: 'CODE_INTERPRETER',
    fallback: 'auto, looked for when code is first run',
    about: `where code is run: auto, off, ${BACKENDS.join(', ')}`,
    parse: parse.codeInterpreter
  }),
  e2bApiKey: one({
    flag: 'e2b-api-key', placeholder: 'KEY', env: 'E2B_API_KEY', fallback: 'none', about: 'the key of E2B, for --code-interpreter e2b', parse: parse.text
  }),
  config: one({
    flag: 'config',
    placeholder: 'FILE',
    env: 'OPENAI_COMPAT_CONFIG',
    fallback: 'openai-compat.config.json, .js, .mjs or .cjs, if present',
    about: 'file with all of the above and more',
    parse: parse.text
  }),
  noConsole: one({
    flag: 'no-console', placeholder: '', env: 'NO_CONSOLE', fallback: 'false', about: 'serve no page at /console', isSwitch: true, parse: parse.yesOrNo
  }),
  logLevel: one({
    flag: 'log-level', placeholder: 'LEVEL', env: 'LOG_LEVEL', fallback: 'info', about: 'trace, debug, info, warn, error, fatal or silent', parse: parse.logLevel
  }),
  ollamaUrl: one({
    placeholder: 'URL', env: 'OLLAMA_BASE_URL', fallback: 'http://127.0.0.1:11434/v1', about: 'where Ollama is looked for', parse: parse.httpUrl
  }),
  leaseMs: one({
    placeholder: 'N', env: 'RUN_LEASE_MS', fallback: '15000', about: 'milliseconds after which a silent instance loses its runs', parse: parse.positive
  }),
  runExpiresS: one({
    placeholder: 'N', env: 'RUN_EXPIRES_S', fallback: '600', about: 'seconds after which an unfinished run expires', parse: parse.positive
  })
}

export type SettingName = keyof typeof SETTINGS

type Parsed<S> = S extends { list: true, parse: ParseValue<infer T> } ? T[] : S extends { parse: ParseValue<infer T> } ? T : never

/** What flags and environment say; absent where they say nothing. */
export type Values = { [Name in SettingName]?: Parsed<typeof SETTINGS[Name]> }

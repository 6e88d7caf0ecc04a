import { distance } from 'fastest-levenshtein'
import { parseArgs } from 'node:util'
import { OperatorError } from './errors.js'
import { SETTINGS, type Setting, type SettingName } from './settings.js'

/** An option of a command. Without a placeholder it is a switch. */
export interface Flag {
  type: 'string' | 'boolean'
  short?: string
  placeholder?: string
  /** It may be repeated. */
  multiple?: true
  about: string
}

/** One row of the table of commands: the parser, `--help` and the shells' completion are made from it. */
export interface CommandRow {
  /** What it does, in one line. */
  about: string
  /** What it does, in a few sentences. */
  details?: string
  flags: Readonly<Record<string, Flag>>
  /** What it takes besides, as the help shows it; in brackets what may be left out. */
  takes?: readonly string[]
  /** What may stand in place of an argument, for completion. */
  words?: readonly string[]
}

/** The flags of the server that a command takes, too. */
function serverFlags (names: readonly SettingName[]): Record<string, Flag> {
  return Object.fromEntries(names.flatMap(name => {
    const { flag, short, placeholder, list, isSwitch, about }: Setting<unknown> = SETTINGS[name]
    if (flag === undefined) return []
    const shown: Flag = { type: isSwitch === true ? 'boolean' : 'string', about, ...isSwitch === true ? {} : { placeholder }, ...short === undefined ? {} : { short }, ...list === true ? { multiple: true } : {} }
    return [[flag, shown]]
  }))
}

const ALL_SETTINGS = Object.keys(SETTINGS) as SettingName[]
const STORE = {
  storage: { type: 'string', placeholder: 'URL', about: 'the store, as for the server' },
  config: { type: 'string', placeholder: 'FILE', about: 'the config file, as for the server' }
} as const satisfies Record<string, Flag>
const PROJECT = { project: { type: 'string', placeholder: 'NAME', about: 'the project; default "default"' } } as const satisfies Record<string, Flag>

const SERVER = {
  url: { type: 'string', placeholder: 'URL', about: 'base URL of a running server, in place of the store' },
  key: { type: 'string', placeholder: 'KEY', about: 'a key of that server; also API_KEY' }
} as const satisfies Record<string, Flag>

/** Of the commands that look at objects, in a store or of a server. */
const OBJECTS = {
  ...STORE,
  ...PROJECT,
  ...SERVER
} as const satisfies Record<string, Flag>
const LISTED = {
  ...OBJECTS,
  limit: { type: 'string', placeholder: 'N', about: 'how many, newest first; default 20' },
  json: { type: 'boolean', about: 'one JSON object a line' }
} as const satisfies Record<string, Flag>
const OF_THREAD = { thread: { type: 'string', placeholder: 'ID', about: 'the thread; needed' } } as const satisfies Record<string, Flag>
const LOOKS = 'Looks into the store itself (with SQLite, stop the server first), or with --url asks a running server.'

export const COMMANDS = {
  'assistants ls': { about: 'list assistants', details: `Lists assistants. ${LOOKS}`, flags: LISTED },
  'assistants show': { about: 'print an assistant as JSON', details: `Prints an assistant as JSON. ${LOOKS}`, takes: ['ID'], flags: OBJECTS },
  'assistants rm': { about: 'delete an assistant', details: `Deletes an assistant. ${LOOKS}`, takes: ['ID'], flags: OBJECTS },
  'threads ls': { about: 'list threads', details: `Lists threads. ${LOOKS}`, flags: LISTED },
  'threads show': { about: 'print a thread and its messages as JSON', details: `Prints a thread, with its messages, as JSON. ${LOOKS}`, takes: ['ID'], flags: OBJECTS },
  'threads rm': { about: 'delete a thread', details: `Deletes a thread with its messages and runs. ${LOOKS}`, takes: ['ID'], flags: OBJECTS },
  'runs ls': { about: 'list the runs of a thread', details: `Lists the runs of a thread. ${LOOKS}`, flags: { ...OF_THREAD, ...LISTED } },
  'runs show': { about: 'print a run and its steps as JSON', details: `Prints a run, with its steps, as JSON. ${LOOKS}`, takes: ['ID'], flags: { ...OF_THREAD, ...OBJECTS } },
  'files ls': { about: 'list files', details: `Lists files. ${LOOKS}`, flags: LISTED },
  'files show': { about: 'print a file object as JSON', details: `Prints a file object as JSON. ${LOOKS}`, takes: ['ID'], flags: OBJECTS },
  'files rm': { about: 'delete a file', details: `Deletes a file. ${LOOKS}`, takes: ['ID'], flags: OBJECTS },
  export: {
    about: 'write everything in the store, one JSON object a line',
    details: 'Writes to FILE, or to stdout. --resume goes on with a file that broke off. With --url a server that runs sends its store, for a key with "admin": true.',
    flags: {
      ...STORE,
      ...SERVER,
      out: { type: 'string', placeholder: 'FILE', about: 'where to write; default stdout' },
      resume: { type: 'boolean', about: 'go on with the file of --out' },
      sqlite: { type: 'boolean', about: 'with --url: a copy of the server\'s SQLite file instead' }
    }
  },
  import: {
    about: 'read an export, or objects of the API, into the store',
    details: 'Reads FILE, or stdin: an export, or objects saved from the original API or another one (docs/migrating.md), which go to the project NAME. What is there already stays as it is. With --url it goes into a server that runs, for a key with "admin": true.',
    takes: ['[FILE]'],
    flags: { ...STORE, ...SERVER, strict: { type: 'boolean', about: 'end at the first bad line' }, ...PROJECT }
  },
  pull: {
    about: 'read another server of the API into the store',
    details: 'Reads assistants, files, vector stores and threads from another server of the API: the threads whose ids stand in FILE, or all that it lists.',
    flags: {
      ...STORE,
      from: { type: 'string', placeholder: 'URL', about: 'base URL of the server to read from; needed' },
      key: { type: 'string', placeholder: 'KEY', about: 'its key; also PULL_KEY' },
      header: { type: 'string', placeholder: 'LINE', multiple: true, about: 'a header that it wants, as "NAME: VALUE"' },
      threads: { type: 'string', placeholder: 'FILE', about: 'a text with ids of threads; - for stdin' },
      ...PROJECT
    }
  },
  eval: {
    about: 'measure search on documents and questions',
    details: 'Measures search on the documents and questions of FILE, in memory: see docs/search.md.',
    takes: ['FILE'],
    flags: serverFlags(['config', 'baseUrl', 'upstreamKey', 'logLevel'])
  },
  'key create': {
    about: 'make a key',
    details: 'Prints a new key, and its entry for "apiKeys", which holds a hash of it; with --file it adds the entry to a file for --api-keys-file.',
    flags: {
      file: { type: 'string', placeholder: 'FILE', about: 'the file that the entry is added to' },
      name: { type: 'string', placeholder: 'NAME', about: 'its name in the log' },
      project: { type: 'string', placeholder: 'NAME', about: 'its project' },
      expires: { type: 'string', placeholder: 'DATE|DAYSd', about: 'until when it may call: a date, or days such as 90d' },
      'read-only': { type: 'boolean', about: 'it may read only' },
      'may-erase': { type: 'boolean', about: 'it may erase its project' },
      admin: { type: 'boolean', about: 'it may see the usage of all projects, and export and import the store' },
      model: { type: 'string', placeholder: 'MODEL', multiple: true, about: 'a model that it may use' }
    }
  },
  erase: {
    about: 'remove a project or a thread for good',
    details: 'Removes a project, or one thread with what was made for it, from the store for good.',
    flags: {
      project: { type: 'string', placeholder: 'NAME', about: 'the project; needed' },
      thread: { type: 'string', placeholder: 'ID', about: 'one thread in place of the project' },
      files: { type: 'string', placeholder: 'made|all', about: 'which files of the thread; default made' },
      yes: { type: 'boolean', about: 'you mean it' },
      ...STORE
    }
  },
  doctor: {
    about: 'look at what the server needs',
    details: 'Looks at what the server needs: configuration, store, records, permissions, keys, models and the sandbox. Takes the options of the server, and ends with status 1 when something is wrong. With --repair it ends and removes what is damaged beyond use, so that threads are free again. With --scan it looks through the source code in DIR instead, of the common languages: calls of the Assistants API, names of models, versions of SDKs; and writes aliases for the models that the server does not have.',
    flags: {
      repair: { type: 'boolean', about: 'mend what can be mended' },
      scan: { type: 'string', placeholder: 'DIR', about: 'look through source code for calls of the API instead' },
      aliases: { type: 'string', placeholder: 'FILE', about: 'with --scan: where aliases go; default openai-compat.aliases.json' },
      ...serverFlags(ALL_SETTINGS)
    } as Record<'repair' | 'scan' | 'aliases', Flag> & Record<string, Flag>
  },
  'sandbox check': {
    about: 'try where code_interpreter can run code',
    details: 'Tries where code_interpreter can run code, and shows its Python, packages, fonts and limits. Ends with status 1 when the server would run none.',
    flags: serverFlags(['codeInterpreter', 'e2bApiKey', 'config'])
  },
  'sandbox prepare': {
    about: 'fetch packages of Pyodide into a folder',
    details: 'Fetches packages of Pyodide by their digests into FOLDER (./pyodide): see docs/code-interpreter.md.',
    flags: {
      packages: { type: 'string', placeholder: 'NAME,...', multiple: true, about: 'which; default numpy, pandas, matplotlib' },
      out: { type: 'string', placeholder: 'FOLDER', about: 'where to write' },
      from: { type: 'string', placeholder: 'URL', about: 'where to fetch them from' }
    }
  },
  usage: {
    about: 'print what projects have used as CSV',
    details: 'Prints what each project has used on each day, by key and model, and what it cost by the prices of the config file. Reads the store itself: with SQLite, stop the server first.',
    flags: {
      ...STORE,
      from: { type: 'string', placeholder: 'DATE', about: 'the first day, such as 2027-01-31; default 30 days ago' },
      to: { type: 'string', placeholder: 'DATE', about: 'the last day; default today' },
      project: { type: 'string', placeholder: 'NAME', about: 'one project; default all' }
    }
  },
  init: {
    about: 'write a config file with comments',
    details: 'Writes openai-compat.config.mjs with comments, or FILE: a name in .json gets JSON that refers to the schema for editors. A file that is there is left alone.',
    takes: ['[FILE]'],
    flags: {}
  },
  completion: {
    about: 'print completion for a shell',
    details: 'Prints what a shell needs to complete commands and options. bash: source <(fastify-openai-compat completion bash). zsh: the same, behind compinit. fish: fastify-openai-compat completion fish | source.',
    takes: ['bash|zsh|fish'],
    words: ['bash', 'zsh', 'fish'],
    flags: {}
  }
} as const satisfies Record<string, CommandRow>

export type CommandName = keyof typeof COMMANDS

/** The server itself: the command without a name. */
export const SERVER_FLAGS: Readonly<Record<string, Flag>> = {
  ...serverFlags(ALL_SETTINGS),
  help: { type: 'boolean', short: 'h', about: 'this text; behind a command, what it takes' },
  version: { type: 'boolean', short: 'v', about: 'the version' }
}

/** What other programs call the command that starts their server. */
const SERVER_WORDS: readonly string[] = ['serve', 'server', 'start', 'run', 'listen', 'up']

/** Whether a word is the first of several commands. */
export function isGroup (word: string): boolean {
  return Object.keys(COMMANDS).some(name => name.startsWith(`${word} `))
}

/** The command that a line begins with: undefined for the server. Throws an `OperatorError` for one that does not exist. */
export function commandOf (argv: readonly string[]): CommandName | undefined {
  const [first = '', second = ''] = argv
  if (first === '' || first.startsWith('-')) return undefined
  const name = [`${first} ${second}`, first].find(name => Object.hasOwn(COMMANDS, name))
  if (name !== undefined) return name as CommandName
  if (SERVER_WORDS.includes(first)) throw new OperatorError(`The server starts without a command: leave out '${first}'. See --help.`)
  const names = Object.keys(COMMANDS)
  const group = names.filter(name => name.startsWith(`${first} `))
  if (group.length > 0 && (second === '' || second.startsWith('-'))) throw new OperatorError(`${first} needs one of: ${group.join(', ')}. See --help.`)
  const [asked, known] = group.length > 0 ? [`${first} ${second}`, group] : [first, [...new Set(names.flatMap(name => [name, name.split(' ')[0] as string]))]]
  const meant = closestOf(asked, known) ?? (group.length > 0 ? group[0] : undefined)
  throw new OperatorError(`Unknown command '${asked}'${didYouMean(meant)}`)
}

type Values<Name extends CommandName> = ReturnType<typeof parseArgs<{ options: typeof COMMANDS[Name]['flags'] }>>['values']

/** What stands behind a command's name. Throws an `OperatorError`. */
export function readFlags<Name extends CommandName> (name: Name, argv: readonly string[]): { values: Values<Name>, positionals: string[] } {
  const row: CommandRow = COMMANDS[name]
  const most = row.takes?.length ?? 0
  const { values, positionals } = parsed(argv.slice(name.split(' ').length), row.flags)
  const [more] = positionals.slice(most)
  if (more !== undefined) throw new OperatorError(most === 0 ? `${name} takes no argument, such as '${more}': see --help.` : `${name} takes one ${(row.takes as string[])[0]!.replace(/[[\]]/g, '').toLowerCase()}, not "${more}" as well.`)
  return { values: values as Values<Name>, positionals }
}

type Parsed = Record<string, string | boolean | (string | boolean)[] | undefined>

/** Arguments by a table of flags. Throws an `OperatorError`, which repeats no value. */
export function parsed (args: readonly string[], flags: Readonly<Record<string, Flag>>): { values: Parsed, positionals: string[] } {
  try {
    return parseArgs({ args: [...args], options: flags, strict: true, allowPositionals: true })
  } catch (error) {
    const { code, message } = error as Error & { code?: string }
    const [, unknown] = /^Unknown option '(-{1,2}[^']*)'/.exec(message) ?? []
    if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' && unknown !== undefined) {
      throw new OperatorError(`Unknown option '${unknown}'${didYouMean(closestOf(unknown, Object.keys(flags).map(flag => `--${flag}`)))}`, { cause: error })
    }
    // Node's message goes on with advice on positional arguments.
    const [sentence = ''] = message.split(/\.?\s*\n|\.\s/)
    throw new OperatorError(`${sentence.replace(/argument (is ambiguous|missing)$/, 'needs a value')}: see --help.`, { cause: error })
  }
}

const didYouMean = (meant: string | undefined): string => meant === undefined ? ': see --help.' : `, did you mean ${meant}? See --help.`

/** What was probably meant: letters in another order, or no more than a third of it other than what was typed. */
export function closestOf (typed: string, known: readonly string[]): string | undefined {
  const letters = (text: string): string => [...text.toLowerCase()].sort().join('')
  const changes = (name: string): number => letters(name) === letters(typed) ? 1 : distance(typed.toLowerCase(), name.toLowerCase())
  const [best] = known.map(name => ({ name, changes: changes(name) })).sort((a, b) => a.changes - b.changes)
  return best !== undefined && best.changes <= Math.max(1, Math.floor(best.name.replace(/^-+/, '').length / 3)) ? best.name : undefined
}

import { commandOf, isGroup, parsed, readFlags, SERVER_FLAGS, type CommandName } from './commands.js'
import { SHELLS, type Shell } from './completion.js'
import { OperatorError } from './errors.js'
import { readErase, type EraseCommand } from './erase-arguments.js'
import { readKeyCommand, type KeyCommand } from './key.js'
import { readSandboxPrepare, type SandboxPrepareCommand } from './sandbox-arguments.js'
import { SETTINGS, type Setting, type Values } from './settings.js'
import { readObjects, type ObjectsCommand } from './objects-arguments.js'
import { readUsage, type UsageCommand } from './usage-arguments.js'
import { readExport, readImport, readPull, type ExportCommand, type ImportCommand, type PullCommand } from './transfer-arguments.js'

export type Command =
  | { run: 'help', of: CommandName | undefined }
  | { run: 'version' }
  | { run: 'serve', values: Values }
  | { run: 'init', file: string }
  | { run: 'completion', shell: Shell }
  | { run: 'eval', file: string, values: Values }
  | { run: 'doctor', mayRepair: boolean, scan: string | undefined, aliasFile: string, values: Values }
  | { run: 'sandbox', action: 'check', values: Values }
  | EraseCommand & { values: Values }
  | SandboxPrepareCommand | KeyCommand | ObjectsCommand | UsageCommand | ExportCommand | ImportCommand | PullCommand

type Environment = Readonly<Record<string, string | undefined>>

/** What the command line and the environment ask for, flags before environment. Throws an `OperatorError`. */
export function readCommand (argv: readonly string[], env: Environment): Command {
  const rest = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : undefined)
  const wantsHelp = rest.includes('--help') || rest.includes('-h')
  // Half a command has the help of them all.
  if (argv[0] === 'help') return { run: 'help', of: isGroup(argv[1] ?? '') && argv[2] === undefined ? undefined : commandOf(argv.slice(1)) }
  const name = wantsHelp && isGroup(argv[0] ?? '') && (argv[1] ?? '').startsWith('-') ? undefined : commandOf(argv)
  if (wantsHelp) return { run: 'help', of: name }
  switch (name) {
    case undefined: return readServe(argv, env)
    case 'export': return readExport(argv, env)
    case 'import': return readImport(argv, env)
    case 'pull': return readPull(argv, env)
    case 'key create': return readKeyCommand(argv)
    case 'sandbox prepare': return readSandboxPrepare(argv)
    case 'init': return { run: 'init', file: readFlags('init', argv).positionals[0] ?? 'openai-compat.config.mjs' }
    case 'completion': return { run: 'completion', shell: readShell(argv) }
    case 'assistants ls': case 'assistants show': case 'assistants rm': case 'threads ls': case 'threads show': case 'threads rm': case 'runs ls': case 'runs show': case 'files ls': case 'files show': case 'files rm':
      return readObjects(name, argv, env)
    case 'usage': return readUsage(argv, env)
    case 'eval': {
      const { values, positionals: [file] } = readFlags('eval', argv)
      if (file === undefined) throw new OperatorError('eval needs a file with documents and questions: see --help.')
      return { run: 'eval', file, values: valuesOf(values, env) }
    }
    case 'erase': {
      const { values } = readFlags('erase', argv)
      return { ...readErase(values), values: valuesOf(values, env) }
    }
    case 'doctor': {
      const { repair = false, scan, aliases, ...values } = readFlags('doctor', argv).values as Record<string, unknown>
      if (scan === '' || aliases === '') throw new OperatorError(`${scan === '' ? '--scan' : '--aliases'} needs a value.`)
      if (aliases !== undefined && scan === undefined) throw new OperatorError('--aliases goes with --scan.')
      if (repair === true && scan !== undefined) throw new OperatorError('--repair is about the store, and --scan about source code: one at a time.')
      return { run: 'doctor', mayRepair: repair === true, scan: scan as string | undefined, aliasFile: (aliases ?? 'openai-compat.aliases.json') as string, values: valuesOf(values, env) }
    }
    case 'sandbox check': return { run: 'sandbox', action: 'check', values: valuesOf(readFlags('sandbox check', argv).values, env) }
  }
}

function readServe (argv: readonly string[], env: Environment): Command {
  const { values, positionals: [more] } = parsed(argv, SERVER_FLAGS)
  if (more !== undefined) throw new OperatorError(`Unexpected argument '${more}': see --help.`)
  return values.version === true ? { run: 'version' } : { run: 'serve', values: valuesOf(values, env) }
}

function readShell (argv: readonly string[]): Shell {
  const [asked] = readFlags('completion', argv).positionals
  const shell = SHELLS.find(name => name === asked)
  if (shell === undefined) throw new OperatorError(`completion needs the name of a shell: ${SHELLS.join(', ')}.`)
  return shell
}

type Flags = Readonly<Record<string, unknown>>

function valuesOf (flags: Flags, env: Environment): Values {
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(SETTINGS)) {
    const value = fromFlags(setting, flags) ?? fromEnvironment(setting, env)
    if (value !== undefined) values[name] = value
  }
  return values
}

function fromFlags (setting: Setting<unknown>, flags: Flags): unknown {
  const given = setting.flag === undefined ? undefined : flags[setting.flag]
  if (given === undefined) return undefined
  const origin = `--${setting.flag}`
  const texts = [given].flat().map(String)
  if (texts.includes('')) throw new OperatorError(`${origin} needs a value.`)
  return parse(setting, texts, origin)
}

function fromEnvironment (setting: Setting<unknown>, env: Environment): unknown {
  const given = env[setting.env]?.trim() ?? ''
  if (given === '') {
    if (setting.mustHoldSomething === true && env[setting.env] !== undefined) throw new OperatorError(`${setting.env} is set but empty: give it a value, or unset it.`)
    return undefined
  }
  const texts = setting.list === true ? given.split(',').map(text => text.trim()).filter(text => text !== '') : [given]
  if (texts.length === 0) throw new OperatorError(`${setting.env} holds commas only: leave it empty, or give it a value.`)
  return parse(setting, texts, setting.env)
}

function parse (setting: Setting<unknown>, texts: readonly string[], origin: string): unknown {
  const values = texts.map(text => setting.parse(text, origin))
  return setting.list === true ? values : values[0]
}

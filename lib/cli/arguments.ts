import { parseArgs, type ParseArgsConfig } from 'node:util'
import { readDoctor, type DoctorCommand } from './doctor-arguments.js'
import { OperatorError } from './errors.js'
import { readErase, type EraseCommand } from './erase-arguments.js'
import { readEval, type EvalCommand } from './eval-arguments.js'
import { readKeyCommand, type KeyCommand } from './key.js'
import { readSandboxCommand, type SandboxCheckCommand, type SandboxPrepareCommand } from './sandbox-arguments.js'
import { SETTINGS, type Setting, type Values } from './settings.js'
import { readTransfer, TRANSFER_COMMANDS, type ExportCommand, type ImportCommand, type PullCommand } from './transfer-arguments.js'

export type Command = { run: 'help' } | { run: 'version' } | { run: 'serve', values: Values } | KeyCommand | ExportCommand | ImportCommand | PullCommand | EvalCommand & { values: Values } | EraseCommand & { values: Values } | DoctorCommand & { values: Values } |
  SandboxCheckCommand & { values: Values } | SandboxPrepareCommand

type Environment = Readonly<Record<string, string | undefined>>

/** What the command line and the environment ask for, flags before environment. Throws an `OperatorError`. */
export function readCommand (argv: readonly string[], env: Environment): Command {
  if (TRANSFER_COMMANDS.includes(argv[0] ?? '')) return argv.includes('--help') || argv.includes('-h') ? { run: 'help' } : readTransfer(argv, env)
  if (argv[0] === 'key') return argv.includes('--help') || argv.includes('-h') ? { run: 'help' } : readKeyCommand(argv)
  if (argv[0] === 'sandbox') {
    if (argv.includes('--help') || argv.includes('-h')) return { run: 'help' }
    const command = readSandboxCommand(argv)
    return command.action === 'check' ? { ...command, values: valuesOf(parseFlags(command.server), env) } : command
  }
  if (argv[0] === 'doctor') {
    if (argv.includes('--help') || argv.includes('-h')) return { run: 'help' }
    const command = readDoctor(argv.slice(1))
    return { ...command, values: valuesOf(parseFlags(command.server), env) }
  }
  if (argv[0] === 'erase') {
    if (argv.includes('--help') || argv.includes('-h')) return { run: 'help' }
    const command = readErase(argv.slice(1))
    return { ...command, values: valuesOf(parseFlags(command.server), env) }
  }
  if (argv[0] === 'eval' && !argv.includes('--help') && !argv.includes('-h')) {
    const command = readEval(argv.slice(1))
    return { ...command, values: valuesOf(parseFlags(command.server), env) }
  }
  const flags = parseFlags(argv[0] === 'eval' ? ['--help'] : argv)
  if (flags.help === true) return { run: 'help' }
  if (flags.version === true) return { run: 'version' }
  return { run: 'serve', values: valuesOf(flags, env) }
}

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
  return parsed(setting, texts, origin)
}

function fromEnvironment (setting: Setting<unknown>, env: Environment): unknown {
  const given = env[setting.env]?.trim() ?? ''
  if (given === '') {
    if (setting.mustHoldSomething === true && env[setting.env] !== undefined) throw new OperatorError(`${setting.env} is set but empty: give it a value, or unset it.`)
    return undefined
  }
  const texts = setting.list === true ? given.split(',').map(text => text.trim()).filter(text => text !== '') : [given]
  if (texts.length === 0) throw new OperatorError(`${setting.env} holds commas only: leave it empty, or give it a value.`)
  return parsed(setting, texts, setting.env)
}

function parsed (setting: Setting<unknown>, texts: readonly string[], origin: string): unknown {
  const values = texts.map(text => setting.parse(text, origin))
  return setting.list === true ? values : values[0]
}

type Flags = Record<string, string | boolean | (string | boolean)[] | undefined>

function parseFlags (argv: readonly string[]): Flags {
  const options: NonNullable<ParseArgsConfig['options']> = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } }
  for (const { flag, short, list, isSwitch } of Object.values<Setting<unknown>>(SETTINGS)) {
    if (flag !== undefined) options[flag] = { type: isSwitch === true ? 'boolean' : 'string', multiple: list ?? false, ...(short === undefined ? {} : { short }) }
  }
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: false }).values
  } catch (error) {
    // Node's message goes on with advice on positional arguments, of which there are none here.
    const [sentence = ''] = (error as Error).message.split(/\.?\s*\n|\.\s/)
    throw new OperatorError(`${sentence.replace(/argument (is ambiguous|missing)$/, 'needs a value')}: see --help.`, { cause: error })
  }
}

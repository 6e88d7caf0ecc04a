import { COMMANDS, SERVER_FLAGS, type CommandName, type CommandRow, type Flag } from './commands.js'
import { SETTINGS, type Setting } from './settings.js'

const PROGRAM = 'fastify-openai-compat'
/** Of the narrowest usual terminal. */
const WIDTH = 80
const USAGE = 'Usage: '
/** Of docs/command-line.md. */
const PAGE_WIDTH = 90
const rows: readonly Setting<unknown>[] = Object.values(SETTINGS)
const commands = Object.entries<CommandRow>(COMMANDS)

/** How a command is called, on as many lines as it takes. */
export function usage (name: CommandName, width = PAGE_WIDTH): string {
  const row: CommandRow = COMMANDS[name]
  // A long list stands below anyway.
  const flags = Object.entries(row.flags).length > Object.keys(SETTINGS).length / 2 ? ['[options]'] : Object.entries(row.flags).map(flagUsage)
  return wrapped([`${PROGRAM} ${name}`, ...row.takes ?? [], ...flags], ' '.repeat(4), width)
}

function flagUsage ([flag, { placeholder, multiple, about }]: [string, Flag]): string {
  const text = `--${flag}${placeholder === undefined ? '' : ` ${placeholder}`}`
  return `${/; needed$/.test(about) ? text : `[${text}]`}${multiple === true ? '...' : ''}`
}

/** The text of `--help`: of one command, or of the server. */
export function helpText (name?: CommandName): string {
  return name === undefined ? serverHelp() : commandHelp(name)
}

function serverHelp (): string {
  const flags = Object.entries(SERVER_FLAGS).map(([flag, row]) => {
    const setting = rows.find(row => row.flag === flag)
    return [flagText(flag, row), row.about, setting === undefined ? '' : `${setting.env}; default ${setting.fallback}`] as const
  })
  return [
    `${USAGE}${PROGRAM} [options]`,
    `${' '.repeat(USAGE.length)}${PROGRAM} COMMAND [options]`,
    '',
    'The OpenAI Assistants API v2 on your own machine, in front of any model.',
    'Without a command: the server.',
    '',
    'Commands:',
    ...table(commands.map(([name, { about }]) => [name, about])),
    '',
    `${PROGRAM} COMMAND --help says what a command takes.`,
    '',
    'Options of the server. Flags win over the environment, and that over the config',
    'file:',
    ...flags.flatMap(([flag, about, origin]) => [`  ${flag}`, below(about), ...origin === '' ? [] : [below(origin)]]),
    '',
    'Environment only:',
    ...rows.filter(row => row.flag === undefined).flatMap(row => [`  ${row.env}=${row.placeholder}`, below(`${row.about}; default ${row.fallback}`)]),
    '',
    'An option marked * may be repeated; its variable takes values separated by',
    'commas.',
    ''
  ].join('\n')
}

function commandHelp (name: CommandName): string {
  const { about, details = `${about[0]!.toUpperCase()}${about.slice(1)}.`, flags }: CommandRow = COMMANDS[name]
  const listed = Object.entries(flags)
  return [
    `${USAGE}${usage(name, WIDTH - USAGE.length - 4).replaceAll('\n', `\n${' '.repeat(USAGE.length)}`)}`,
    '',
    wrapped(details.split(' '), ''),
    '',
    ...listed.length === 0 ? [] : ['Options:', ...table(listed.map(([flag, row]) => [flagText(flag, row), row.about])), ''],
    ...listed.some(([, { multiple }]) => multiple === true) ? ['An option marked * may be repeated.', ''] : []
  ].join('\n')
}

/** Two columns; the second one goes on below itself. */
function table (cells: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...cells.map(([name]) => name.length)) + 4
  return cells.map(([name, about]) => `  ${name.padEnd(width - 2)}${wrapped(about.split(' '), ' '.repeat(width), WIDTH - width).trimStart()}`)
}

/** A text below the name of an option. */
function below (text: string): string {
  const indent = ' '.repeat(6)
  return `${indent}${wrapped(text.split(' '), indent, WIDTH - indent.length)}`
}

function wrapped (words: readonly string[], indent: string, width = WIDTH): string {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.join(`\n${indent}`)
}

function flagText (flag: string, { short, placeholder, multiple }: Flag): string {
  return `${short === undefined ? '' : `-${short}, `}--${flag}${placeholder === undefined ? '' : ` ${placeholder}`}${multiple === true ? ' *' : ''}`
}

/** The options of the server as a Markdown table, for docs/command-line.md. */
export function helpTable (): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|')
  return [
    '| flag | environment | default | |',
    '|---|---|---|---|',
    ...rows.map(row => {
      const flag = row.flag === undefined ? '' : `\`${flagText(row.flag, SERVER_FLAGS[row.flag] as Flag).replace(' *', '')}\`${row.list === true ? ', repeatable' : ''}`
      return `| ${cell(flag)} | \`${row.env}\`${row.list === true ? ', comma-separated' : ''} | ${cell(row.fallback)} | ${cell(row.about)} |`
    })
  ].join('\n')
}

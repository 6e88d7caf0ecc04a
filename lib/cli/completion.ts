import { COMMANDS, SERVER_FLAGS, type CommandRow, type Flag } from './commands.js'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = typeof SHELLS[number]

const PROGRAM = 'fastify-openai-compat'
const HELP: Flag = { type: 'boolean', short: 'h', about: 'what the command takes' }

/** What may follow a command: undefined is the server, without one. */
interface Place {
  command: string
  flags: Readonly<Record<string, Flag>>
  words: readonly string[]
  takesFiles: boolean
}

/** The places of a command line: before a command, behind the first word of two, and behind each command. */
function places (): Place[] {
  const rows = Object.entries<CommandRow>(COMMANDS)
  const groups = new Map<string, string[]>()
  for (const [name] of rows) {
    const [first = '', second] = name.split(' ')
    if (second !== undefined) groups.set(first, [...groups.get(first) ?? [], second])
  }
  return [
    { command: '', flags: SERVER_FLAGS, words: [...new Set(rows.map(([name]) => name.split(' ')[0] as string))], takesFiles: false },
    ...[...groups].map(([command, words]) => ({ command, flags: { help: HELP }, words, takesFiles: false })),
    ...rows.map(([command, { flags, words = [], takes = [] }]) => ({ command, flags: { ...flags, help: HELP }, words, takesFiles: takes.some(take => /FILE|DIR/.test(take)) }))
  ]
}

/** A script that completes the commands and options of the table. */
export function completionScript (shell: Shell): string {
  return shell === 'fish' ? fishScript() : shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${bashScript()}` : bashScript()
}

/* eslint-disable no-template-curly-in-string -- the shell's own */
/** zsh reads it too, through its own `bashcompinit`. */
function bashScript (): string {
  const all = places()
  const cases = all.map(({ command, flags, words, takesFiles }) =>
    `    '${command}') words='${[...words, ...Object.keys(flags).map(flag => `--${flag}`)].join(' ')}'; files=${takesFiles ? 1 : 0} ;;`)
  const withValue = [...new Set(all.flatMap(({ flags }) => Object.entries(flags).filter(([, { type }]) => type === 'string').map(([flag]) => `--${flag}`)))]
  return [
    '_fastify_openai_compat () {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" place="" words="" files=0',
    '  COMPREPLY=()',
    `  case "$previous" in ${withValue.join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;; esac`,
    '  if [[ $COMP_CWORD -gt 1 && "${COMP_WORDS[1]}" != -* ]]; then place="${COMP_WORDS[1]}"; fi',
    '  if [[ $COMP_CWORD -gt 2 && -n "$place" && "${COMP_WORDS[2]}" != -* ]]; then',
    `    case "$place \${COMP_WORDS[2]}" in ${all.filter(({ command }) => command.includes(' ')).map(({ command }) => `'${command}'`).join('|')}) place="$place \${COMP_WORDS[2]}" ;; esac`,
    '  fi',
    '  case "$place" in',
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '  if [[ $files = 1 && "$current" != -* ]]; then COMPREPLY+=($(compgen -f -- "$current")); fi',
    '}',
    `complete -F _fastify_openai_compat ${PROGRAM}`,
    ''
  ].join('\n')
}
/* eslint-enable no-template-curly-in-string */

function fishScript (): string {
  const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll('\'', '\\\'')}'`
  const lines = places().flatMap(({ command, flags, words, takesFiles }) => {
    const seen = (...names: string[]): string => `__fish_seen_subcommand_from ${names.join(' ')}`
    const when = command === '' ? '__fish_use_subcommand' : command.split(' ').map(word => seen(word)).join('; and ')
    // A word is offered once.
    const open = words.length === 0 || command === '' ? when : `${when}; and not ${seen(...words)}`
    const head = `complete -c ${PROGRAM} -n ${quoted(when)}`
    return [
      ...words.length === 0 ? [] : [`complete -c ${PROGRAM} -n ${quoted(open)} -f -a ${quoted(words.join(' '))}`],
      ...takesFiles ? [`${head} -F`] : [],
      ...Object.entries(flags).map(([flag, { type, short, about }]) => `${head} -l ${flag}${short === undefined ? '' : ` -s ${short}`}${type === 'string' ? ' -r' : ''} -d ${quoted(about)}`)
    ]
  })
  return `${lines.join('\n')}\n`
}

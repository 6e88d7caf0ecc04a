import { SETTINGS, type Setting } from './settings.js'

const rows: readonly Setting<unknown>[] = Object.values(SETTINGS)

/** The commands besides the server. */
export const TRANSFER_USAGE: readonly string[] = [
  'fastify-openai-compat export [--storage URL] [--out FILE] [--resume]',
  'fastify-openai-compat import [--storage URL] [FILE] [--strict] [--project NAME]',
  'fastify-openai-compat pull --from URL [--key KEY] [--header LINE]... [--threads FILE]',
  'fastify-openai-compat eval FILE [--config FILE]'
]

/** The text of `--help`. */
export function helpText (): string {
  const flags = rows.filter(row => row.flag !== undefined)
  return [
    'Usage: fastify-openai-compat [options]',
    ...TRANSFER_USAGE.map(line => `       ${line}`),
    '       fastify-openai-compat key create [--file FILE] [--name NAME] [--project NAME]',
    '           [--expires DATE|DAYSd] [--read-only] [--model MODEL]...',
    '       fastify-openai-compat erase --project NAME [--thread ID [--files made|all]] --yes',
    '           [--storage URL] [--blobs URL] [--config FILE]',
    '       fastify-openai-compat doctor [--repair] [options]',
    '       fastify-openai-compat sandbox check [--code-interpreter NAME] [--config FILE]',
    '       fastify-openai-compat sandbox prepare [--packages NAME,...] [--out FOLDER]',
    '           [--from URL]',
    '',
    'The OpenAI Assistants API v2 on your own machine, in front of any model.',
    '',
    'Options (flags win over the environment, the environment over the config file):',
    ...flags.flatMap(row => [`  ${flagText(row)}`, `      ${row.about}`, `      ${row.env}; default ${row.fallback}`]),
    '  -h, --help',
    '  -v, --version',
    '',
    'Environment only:',
    ...rows.filter(row => row.flag === undefined).flatMap(row => [`  ${row.env}=${row.placeholder}`, `      ${row.about}; default ${row.fallback}`]),
    '',
    'export writes everything in the store to FILE, or to stdout, one JSON object a line; --resume goes',
    'on with a file that broke off. import reads FILE, or stdin: an export, or objects saved from the',
    'original API or another one (docs/migrating.md), which go to the project NAME. What is there',
    'already stays as it is. With --strict the first bad line ends it. pull reads assistants, files,',
    'vector stores and threads from another server of the API: the threads whose ids stand in FILE, or',
    'all that it lists. All take --config and --storage too.',
    '',
    'eval measures search on the documents and questions of FILE, in memory: see docs/search.md.',
    'sandbox check tries where code_interpreter can run code, and shows its Python, packages, fonts and',
    'limits; it ends with status 1 when the server would run none. sandbox prepare fetches packages of',
    'Pyodide by their digests into FOLDER (./pyodide): see docs/code-interpreter.md.',
    'doctor looks at what the server needs: configuration, store, records, permissions, keys, models and',
    'the sandbox; it takes the options of the server, and ends with status 1 when something is wrong.',
    'With --repair it ends and removes what is damaged beyond use, so that threads are free again.',
    'erase removes a project, or one thread with what was made for it, from the store for good.',
    'key create prints a new key, and its entry for "apiKeys", which holds a hash of it; with --file it',
    'adds the entry to a file for --api-keys-file.',
    '',
    'An option marked * may be repeated; its variable takes values separated by commas.',
    ''
  ].join('\n')
}

function flagText ({ flag, short, placeholder, list }: Setting<unknown>): string {
  return `${short === undefined ? '' : `-${short}, `}--${flag}${placeholder === '' ? '' : ` ${placeholder}`}${list === true ? ' *' : ''}`
}

/** The same as a Markdown table, for docs/command-line.md. */
export function helpTable (): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|')
  return [
    '| flag | environment | default | |',
    '|---|---|---|---|',
    ...rows.map(row => {
      const flag = row.flag === undefined ? '' : `\`${flagText(row).replace(' *', '')}\`${row.list === true ? ', repeatable' : ''}`
      return `| ${cell(flag)} | \`${row.env}\`${row.list === true ? ', comma-separated' : ''} | ${cell(row.fallback)} | ${cell(row.about)} |`
    })
  ].join('\n')
}

/**
 * What `docs/compatibility.md` has rows and columns for, and how it is written. The cells come from runs: see `run.js`.
 */

/** Areas of the API, by the names that clients use in their checks. */
export const AREAS = {
  models: 'Models',
  assistants: 'Assistants',
  threads: 'Threads and messages',
  runs: 'Runs',
  streams: 'Streamed runs',
  functions: 'Functions',
  steps: 'Run steps',
  files: 'Files',
  uploads: 'Uploads',
  vectorStores: 'Vector stores',
  fileSearch: 'File search',
  chat: 'Chat completions',
  embeddings: 'Embeddings',
  errors: 'Errors'
}

/**
 * @typedef {object} Client
 * @property {string} name the head of its column
 * @property {string} alias the package under which it is installed
 * @property {string} file its checks, in `clients/`
 */

/** @type {readonly Client[]} */
export const CLIENTS = [
  { name: 'openai 4', alias: 'openai4', file: 'openai.js' },
  { name: 'openai 5', alias: 'openai5', file: 'openai.js' },
  { name: 'openai 6', alias: 'openai6', file: 'openai.js' },
  { name: 'openai 7', alias: 'openai7', file: 'openai.js' },
  { name: 'LangChain', alias: 'langchain', file: 'langchain.js' },
  { name: 'AI SDK 3', alias: 'ai3', file: 'ai-sdk.js' },
  { name: 'AI SDK 4', alias: 'ai4', file: 'ai-sdk.js' },
  { name: 'AssistantResponse (AI SDK 4)', alias: 'ai4', file: 'assistant-response.js' },
  { name: '@azure/ai-agents', alias: '@azure/ai-agents', file: 'azure-agents.js' },
  { name: '@azure/openai-assistants', alias: '@azure/openai-assistants', file: 'azure-assistants.js' }
]

/** What a run installs, in a folder of its own: 190 MB that work on the server itself does not need. */
export const PACKAGES = {
  openai4: 'npm:openai@4',
  openai5: 'npm:openai@5',
  openai6: 'npm:openai@6',
  openai7: 'npm:openai@7',
  ai3: 'npm:ai@3',
  'ai-openai3': 'npm:@ai-sdk/openai@0.0',
  ai4: 'npm:ai@4',
  'ai-openai4': 'npm:@ai-sdk/openai@1',
  langchain: '0.3',
  '@langchain/core': '0.3',
  '@langchain/openai': '0.6',
  '@azure/ai-agents': '1',
  '@azure/core-auth': '1',
  '@azure/openai-assistants': '1.0.0-beta.6',
  zod: '3'
}

/** @typedef {{ outcome: 'passed' | 'absent' | 'skipped' } | { outcome: 'failed', reason: string }} Cell */

/**
 * @typedef {object} ClientResult
 * @property {string} version of the package
 * @property {string} node that ran it
 * @property {string} date of the run, `2026-01-31`
 * @property {string} [lacking] the Node that it asks for, if this one is older
 * @property {Record<string, Cell>} cells by area
 */

/**
 * The page.
 *
 * @param {Map<string, ClientResult>} results by client
 */
export function page (results) {
  const notes = []
  const note = text => {
    if (!notes.includes(text)) notes.push(text)
    return `[${notes.indexOf(text) + 1}]`
  }
  const cellText = (name, area) => {
    const result = results.get(name)
    const cell = result.cells[area]
    switch (cell?.outcome) {
      case 'passed': return 'yes'
      case 'absent': return '–'
      case 'skipped': return `Node ${result.lacking}`
      default: return `no ${note(`${name}, ${AREAS[area]}: ${cell?.reason ?? 'the run ended before it'}`)}`
    }
  }
  const row = cells => `| ${cells.join(' | ')} |`
  const names = CLIENTS.map(({ name }) => name)
  const rows = [
    row(['', ...names]),
    row(['---', ...names.map(() => ':---:')]),
    row(['Version', ...names.map(name => results.get(name).version)]),
    row(['Date', ...names.map(name => results.get(name).date)]),
    row(['Node', ...names.map(name => results.get(name).node)]),
    ...Object.entries(AREAS).map(([area, title]) => row([title, ...names.map(name => cellText(name, area))]))
  ]
  return [
    '# Compatibility',
    '',
    'What unmodified clients from npm can do with this server. `npm run compat` installs them in a temporary folder, starts a server in front of a model that',
    'answers by a script, runs the checks of each client in `scripts/compat/clients`, and writes this page. Nothing here is written by hand.',
    '',
    ...rows,
    '',
    '- **yes**: the check passed with this version, on this date.',
    '- **–**: the client has no calls of this kind.',
    '- **no**: the check failed; the note says why.',
    '- **Node 22** and the like: the client asks for a newer Node than the one that ran the checks.',
    ...notes.length === 0 ? [] : ['', ...notes.map((text, i) => `[${i + 1}] ${text}`).flatMap(line => [line, '']).slice(0, -1)],
    '',
    ...GENERATED_TESTS,
    ''
  ].join('\n')
}

/** Found by calling what those tests call, with ids of objects that exist. Each refusal has a test of its own under `test/api`. */
const GENERATED_TESTS = [
  '## The generated tests of the SDKs',
  '',
  'The tests that are generated into the repositories of the official SDKs send made-up values to a server that accepts anything. With ids of objects that',
  'exist this server answers all their calls but these, which it refuses as the API does: `vector_store_ids` together with `vector_stores`; a run without',
  'any input; cancelling a run that has ended, and submitting tool outputs to it; `limit: 0`; deleting a model; an upload part larger than announced.'
]

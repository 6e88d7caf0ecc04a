import { resolveOptions } from '../../../lib/options/options.js'
import { DEFAULT_TIMEOUTS } from '../../../lib/models/http/client.js'
import { membersOf, type Member } from './interfaces.js'

interface Section {
  title: string
  /** Path and name of the interfaces whose members it lists. */
  of: [string, string][]
  intro: string
  /** Defaults that the code knows as values. */
  defaults?: object
}

const { limits, streams } = resolveOptions({})

const SECTIONS: Section[] = [
  {
    title: 'The plugin',
    of: [['lib/options/options.ts', 'OpenAICompatOptions']],
    intro: 'Of `app.register(openaiCompat, options)`, and of everything below that builds on it.'
  },
  {
    title: 'The server',
    of: [['lib/server/options.ts', 'BuildServerOptions'], ['lib/server/options.ts', 'OpenAIServerConfig']],
    intro: 'Of `createOpenAIServer(runtime, options)` and the [config file](command-line.md#the-config-file), beside those of the plugin. `buildServer(options)` has them without `port` and `host`.'
  },
  {
    title: 'The adapter',
    of: [['lib/adapter.ts', 'OpenAIAdapterOptions']],
    intro: 'Of `createOpenAIAdapter(runtime, options)`, beside those of the plugin that do not speak of HTTP.'
  },
  {
    title: 'The thread manager',
    of: [['lib/threads/manager.ts', 'ThreadManagerOptions']],
    intro: 'Of `new ThreadManager(storage, options)`.'
  },
  { title: 'Limits', of: [['lib/options/options.ts', 'Limits'], ['lib/runs/services.ts', 'EngineLimits']], intro: 'The keys of `limits`.', defaults: limits },
  { title: 'Streams', of: [['lib/http/sse.ts', 'StreamLimits'], ['lib/http/reader-slots.ts', 'ReaderLimits']], intro: 'The keys of `streams`.', defaults: streams },
  { title: 'Quotas', of: [['lib/usage/quotas.ts', 'ProjectQuotas'], ['lib/usage/quotas.ts', 'Quotas']], intro: 'The keys of `quotas`; see [security](security.md#quotas).' },
  { title: 'Overload', of: [['lib/http/overload-options.ts', 'OverloadOptions']], intro: 'The keys of `overload`; see [security](security.md#overload).' },
  { title: 'Retrieval', of: [['lib/vector-stores/service.ts', 'RetrievalOptions']], intro: 'The keys of `retrieval`.' },
  { title: 'Embeddings', of: [['lib/retrieval/embedder.ts', 'EmbeddingOptions']], intro: 'The keys of `retrieval.embeddings`.' },
  {
    title: 'The code interpreter',
    of: [['lib/options/code-interpreter.ts', 'CodeInterpreterOptions']],
    intro: 'The keys of `codeInterpreter`; see [the code interpreter](code-interpreter.md).'
  },
  {
    title: 'Its limits',
    of: [['lib/options/code-interpreter.ts', 'CodeInterpreterLimits'], ['lib/sandbox/sandbox.ts', 'SandboxLimits']],
    intro: 'The keys of `codeInterpreter.limits`.'
  },
  { title: 'Its bubblewrap', of: [['lib/sandbox/bubblewrap/bubblewrap.ts', 'BubblewrapOptions']], intro: 'The keys of `codeInterpreter.bubblewrap`.' },
  { title: 'Its E2B', of: [['lib/sandbox/e2b/e2b.ts', 'E2bOptions']], intro: 'The keys of `codeInterpreter.e2b`; see [code interpreter](code-interpreter.md#e2b).' },
  { title: 'Its Pyodide', of: [['lib/sandbox/pyodide/pyodide.ts', 'PyodideOptions']], intro: 'The keys of `codeInterpreter.pyodide`.' },
  { title: 'Webhooks', of: [['lib/dialects/assistants/webhooks.ts', 'WebhookOptions']], intro: 'The keys of `webhooks`; see [the life of a run](run-lifecycle.md#webhooks).' },
  {
    title: 'OpenAI-compatible providers',
    of: [['lib/models/openai-compatible.ts', 'OpenAICompatibleOptions']],
    intro: 'Of `openaiCompatible(options)`; an object with a `baseURL` stands for it wherever a provider is asked for.'
  },
  { title: 'Their time-outs', of: [['lib/models/http/client.ts', 'Timeouts']], intro: 'The keys of `timeouts`.', defaults: DEFAULT_TIMEOUTS },
  {
    title: 'Models of the AI SDK and of Cogitator',
    of: [['lib/models/in-process/call.ts', 'InProcessOptions'], ['lib/models/ai-sdk.ts', 'AiSdkProviderOptions']],
    intro: 'Of `aiSdkProvider(model, options)` and `cogitatorProvider(cogitator, options)`; `embeddingModel` is of the former alone.'
  },
  { title: 'Server tools', of: [['lib/tools/tool.ts', 'ServerTool']], intro: 'The keys of an entry of `tools`; see [tools](tools.md).' },
  { title: 'SQLite', of: [['storage/sqlite/store.ts', 'SqliteRecordStoreOptions']], intro: 'Of `new SqliteThreadStorage(options)`.' },
  {
    title: 'Redis',
    of: [['storage/thread-storage/classes.ts', 'RedisThreadStorageConfig'], ['storage/redis/options.ts', 'RedisRecordStoreOptions']],
    intro: 'Of `new RedisThreadStorage(options)`.'
  },
  { title: 'PostgreSQL', of: [['storage/postgres/options.ts', 'PostgresRecordStoreOptions']], intro: 'Of `new PostgresThreadStorage(options)`.' }
]

const UNITS: Record<string, string> = { timeout: 'ms', ttl: 's', maxFrameLength: 'characters' }

/** docs/options.md, from the options' own types and docstrings and from the defaults in the code. */
export function optionsPage (): string {
  return [
    '# Options',
    'Made from the code by `npm run docs`. An option that does not exist, or has a wrong value, is refused at start by a `TypeError` that names it. The flags of the command line are in [their own table](command-line.md).',
    ...SECTIONS.flatMap(({ title, intro, ...section }) => [`## ${title}`, intro, table(section)])
  ].join('\n\n') + '\n'
}

function table ({ of, defaults = {} }: Pick<Section, 'of' | 'defaults'>): string {
  const rows = of.flatMap(([path, name]) => membersOf(path, name))
    // What an interface says itself goes before what it inherits.
    .filter(({ name }, index, all) => all.findIndex(other => other.name === name) === index)
    .map(member => row(member, defaults as Record<string, unknown>))
  return ['| Option | Type | Default | Unit | |', '|---|---|---|---|---|', ...rows].join('\n')
}

function row ({ name, type, isOptional, about }: Member, defaults: Record<string, unknown>): string {
  // A whole sentence, since it often says more than the value.
  const [said = '', words] = /\s*\bDefault:? ((?:`[^`]*`|[^`])*?)\.(?= |$)/.exec(about) ?? []
  const value = defaults[name]
  const fallback = typeof value === 'number' ? value.toLocaleString('en-US') : words ?? (isOptional ? 'none' : 'required')
  const cells = [`\`${name}\``, `\`${type}\``, fallback, unitOf(name), about.replace(said, '').trim()]
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function unitOf (name: string): string {
  if (name in UNITS) return UNITS[name]!
  const [, suffix = ''] = /[a-z](Ms|S|Mb|Bytes|Tokens)$/.exec(name) ?? []
  return { Ms: 'ms', S: 's', Mb: 'MB', Bytes: 'bytes', Tokens: 'tokens' }[suffix] ?? ''
}

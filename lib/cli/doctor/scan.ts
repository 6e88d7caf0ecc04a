import { open, opendir, stat, writeFile } from 'node:fs/promises'
import { extname, join, relative, resolve, sep } from 'node:path'
import { whyUnreadable } from '../../../storage/base/file-words.js'
import { ModelRegistry } from '../../models/registry.js'
import { resolveOptions } from '../../options/options.js'
import { silentLogger } from '../../shared/log.js'
import { readConfigFile } from '../config-file.js'
import { configure } from '../configure.js'
import { defaultProvider } from '../default-provider.js'
import { OperatorError } from '../errors.js'
import { counted, number } from '../progress.js'
import type { Values } from '../settings.js'

const SOURCES: ReadonlySet<string> = new Set(['.js', '.mjs', '.cjs', '.jsx', '.ts', '.mts', '.cts', '.tsx', '.vue', '.svelte', '.py', '.ipynb', '.go', '.java', '.kt', '.kts', '.scala', '.cs', '.fs', '.vb', '.rb', '.php', '.rs', '.swift', '.ex', '.exs', '.sh'])
const LEFT_OUT: ReadonlySet<string> = new Set(['node_modules', 'vendor', 'dist', 'build', 'target', 'bin', 'obj', 'venv', '__pycache__', 'site-packages'])
const MOST_FILES = 50_000
const MOST_BYTES = 1024 * 1024
/** Places that are shown of one finding. */
const SHOWN = 5

/** What is looked for in a line of source code, and what it means here. */
const FINDINGS: readonly { name: string, pattern: RegExp, note?: string }[] = [
  { name: 'Calls of the Assistants API', pattern: /\bbeta(?:\(\))?\s*\.\s*(?:assistants|threads|vector_?stores)\b|\bBeta\s*\.\s*(?:Assistants|Threads|VectorStores)\b|\b(?:GetAssistantClient|AssistantClient|AssistantsClient|AgentsClient)\b|\/v1\/(?:assistants|threads|vector_stores)\b/i },
  { name: 'Version 1 of the API', pattern: /assistants=v1|["']?type["']?\s*[:=]\s*["']retrieval["']/, note: 'this server speaks version 2: the tool "retrieval" is "file_search" there, and files belong to vector stores' },
  { name: 'The address of OpenAI', pattern: /api\.openai\.com/, note: 'give the base URL of this server instead, or set OPENAI_BASE_URL' },
  { name: 'Azure clients', pattern: /\b(?:AzureOpenAI|AzureOpenAIClient|AsyncAzureOpenAI)\b|openai\.azure\.com/, note: 'their endpoint is this server without /v1: see docs/migrating.md' },
  { name: 'code_interpreter', pattern: /\bcode_?interpreter\b/i, note: 'needs a sandbox: fastify-openai-compat sandbox check' },
  { name: 'Responses API', pattern: /\bresponses\s*\.\s*(?:create|stream|parse)\s*\(|\/v1\/responses\b/, note: 'is not what this server speaks' },
  { name: 'Images, audio and moderation', pattern: /\b(?:images\s*\.\s*(?:generate|edit)|audio\s*\.\s*(?:speech|transcriptions)|moderations\s*\.\s*create)\b/, note: 'goes to a provider with the option "passthrough"' }
]

const MODEL = /["'`]((?:ft:)?(?:gpt-[\w.:-]+|chatgpt-[\w.-]+|o[1-9](?:-[\w.-]+)?|text-embedding-[\w.-]+))["'`]/g

/** How files that name dependencies name the SDKs, and their versions. */
const SDKS: readonly { file: RegExp, pattern: RegExp }[] = [
  { file: /^package\.json$/, pattern: /"(openai|@azure\/openai|@azure\/ai-agents|@langchain\/openai|@ai-sdk\/openai)"\s*:\s*"([^"]+)"/g },
  { file: /^(?:requirements[\w.-]*\.txt|pyproject\.toml|Pipfile|setup\.(?:py|cfg))$/, pattern: /(?:^|["'\s])(openai|langchain-openai|azure-ai-agents)\b(?:\[[\w,-]*\])?["']?\s*((?:[=<>~!^]=?\s*"?[\w.*,<>=~! ]+)?)/gm },
  { file: /^go\.mod$/, pattern: /(github\.com\/(?:openai\/openai-go|sashabaranov\/go-openai)(?:\/v\d+)?)\s+(v[\w.-]+)/g },
  { file: /\.(?:cs|fs|vb)proj$|^Directory\.Packages\.props$/, pattern: /Include="(OpenAI|Azure\.AI\.OpenAI(?:\.Assistants)?|Azure\.AI\.Agents\.Persistent)"\s+Version="([^"]+)"/g },
  { file: /^(?:pom\.xml|build\.gradle(?:\.kts)?)$/, pattern: /(com\.openai:openai-java|(?<=<artifactId>)openai-java)(?:<\/artifactId>\s*<version>|:)([\w.-]+)/g },
  { file: /^Gemfile$/, pattern: /gem\s+["']((?:ruby-)?openai)["'](?:,\s*["']([^"']+)["'])?/g },
  { file: /^composer\.json$/, pattern: /"(openai-php\/client|openai-php\/laravel)"\s*:\s*"([^"]+)"/g },
  { file: /^Cargo\.toml$/, pattern: /^(async-openai)\s*=\s*(?:"|\{[^}]*version\s*=\s*")([^"]+)"/gm }
]

export interface Scan {
  files: number
  /** Whether there were more files than are looked at. */
  isCut: boolean
  /** By the name of the finding: `path:line`. */
  found: Map<string, string[]>
  /** By the model: `path:line`. */
  models: Map<string, string[]>
  /** `path: name version`. */
  sdks: string[]
}

/** Looks through the source code of a folder. Links are not followed, and nothing is run. */
export async function scan (folder: string): Promise<Scan> {
  const result: Scan = { files: 0, isCut: false, found: new Map(), models: new Map(), sdks: [] }
  for await (const path of sourcesIn(folder)) {
    if (result.files === MOST_FILES) {
      result.isCut = true
      break
    }
    const text = await textOf(path)
    if (text === undefined) continue
    result.files++
    look(relative(folder, path).split(sep).join('/'), text, result)
  }
  return result
}

async function * sourcesIn (folder: string): AsyncGenerator<string> {
  const entries = []
  for await (const entry of await opendir(folder)) entries.push(entry)
  for (const entry of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && !LEFT_OUT.has(entry.name) && !entry.name.startsWith('.')) yield * sourcesIn(path)
    else if (entry.isFile() && (SOURCES.has(extname(entry.name)) || SDKS.some(({ file }) => file.test(entry.name)))) yield path
  }
}

/** Undefined for what is too large to be source code, or cannot be read. */
async function textOf (path: string): Promise<string | undefined> {
  const file = await open(path, 'r').catch(() => undefined)
  try {
    const stats = await file?.stat()
    return stats === undefined || stats.size > MOST_BYTES ? undefined : await file?.readFile('utf8')
  } catch {
    return undefined
  } finally {
    await file?.close()
  }
}

function look (path: string, text: string, { found, models, sdks }: Scan): void {
  const add = (to: Map<string, string[]>, name: string, place: string): void => {
    const places = to.get(name)
    if (places === undefined) to.set(name, [place])
    else if (places.at(-1) !== place) places.push(place)
  }
  const name = path.slice(path.lastIndexOf('/') + 1)
  const manifest = SDKS.find(({ file }) => file.test(name))
  if (manifest !== undefined) for (const [, sdk = '', version = ''] of text.matchAll(manifest.pattern)) sdks.push(`${path}: ${sdk} ${version.replaceAll('"', '').trim()}`.trimEnd())
  if (!SOURCES.has(extname(name))) return
  for (const [i, line] of text.split('\n').entries()) {
    const place = `${path}:${i + 1}`
    for (const finding of FINDINGS) if (finding.pattern.test(line)) add(found, finding.name, place)
    for (const [, model = ''] of line.matchAll(MODEL)) add(models, model, place)
  }
}

const isEmbedding = (model: string): boolean => /embed/i.test(model)

/** `doctor --scan DIR`: prints what to look at, and writes aliases for the models that the server does not have. */
export async function runScan (values: Values, asked: string, aliasFile: string, out: NodeJS.WritableStream): Promise<void> {
  const folder = resolve(asked)
  const about = await stat(folder).catch((cause: unknown) => { throw new OperatorError(`The folder ${asked} cannot be read: ${whyUnreadable(cause)}.`, { cause }) })
  if (!about.isDirectory()) throw new OperatorError(`The folder ${asked} cannot be read: it is a file.`)
  const { files, isCut, found, models, sdks } = await scan(folder)
  out.write(`${counted(files, 'file was', 'files were')} looked at${isCut ? '; there are more, which were not' : ''}.\n`)
  section(out, 'SDKs', sdks)
  for (const { name, note } of FINDINGS) {
    const places = found.get(name)
    if (places !== undefined) section(out, `${name}${note === undefined ? '' : ` (${note})`}`, places)
  }
  if (models.size === 0) return
  const { known, served } = await modelsOf(values, [...models.keys()])
  section(out, 'Models', [...models].map(([model, places]) => `${model}${known.has(model) ? '' : ', which this server does not have'}: ${shown(places).join(', ')}`), Infinity)
  const missing = [...models.keys()].filter(model => !known.has(model))
  const aliases = Object.fromEntries(missing.flatMap(model => {
    const target = served.find(name => isEmbedding(name) === isEmbedding(model))
    return target === undefined ? [] : [[model, target]]
  }))
  if (Object.keys(aliases).length === 0) return
  try {
    await writeFile(aliasFile, `${JSON.stringify({ aliases }, null, 2)}\n`, { flag: 'wx' })
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST'
    throw new OperatorError(`The aliases cannot be written to ${aliasFile}${isThere ? ', which exists: name another file with --aliases' : `: ${whyUnreadable(cause)}`}.`, { cause })
  }
  out.write(`\nWrote ${aliasFile}: aliases for the config file. Look through them: each goes to the first model that there is.\n`)
}

function section (out: NodeJS.WritableStream, title: string, lines: readonly string[], most = SHOWN): void {
  if (lines.length > 0) out.write(`\n${title}:\n${shown(lines, most).map(line => `  ${line}\n`).join('')}`)
}

function shown (lines: readonly string[], most = SHOWN): string[] {
  return lines.length <= most ? [...lines] : [...lines.slice(0, most), `and ${number(lines.length - most)} more`]
}

/** Which of the names the server has, or has an alias for, and what its providers list. */
async function modelsOf (values: Values, names: readonly string[]): Promise<{ known: Set<string>, served: string[] }> {
  const { config, hasProvider } = configure(values, await readConfigFile(values.config, process.cwd()))
  const { provider, providers, defaultProvider: byDefault, aliases } = { ...config, ...hasProvider ? {} : (await defaultProvider(values.ollamaUrl)).options }
  const options = resolveOptions({ codeInterpreter: 'off', ...provider === undefined ? {} : { provider }, ...providers === undefined ? {} : { providers }, ...byDefault === undefined ? {} : { defaultProvider: byDefault }, ...aliases === undefined ? {} : { aliases } })
  const registry = new ModelRegistry({ ...options.models, clock: options.clock, log: silentLogger })
  // A provider that is asked once more keeps no process alive.
  const awake = setInterval(() => {}, 60_000)
  try {
    const served = (await registry.list()).map(({ id }) => id)
    const known = new Set<string>()
    for (const name of names) if (served.includes(name) || (await registry.look(name)).listed) known.add(name)
    return { known, served }
  } finally {
    await registry.close()
    clearInterval(awake)
  }
}

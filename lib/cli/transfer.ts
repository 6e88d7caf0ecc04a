import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { Readable, type Writable } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { whyUnreadable } from '../../storage/base/file-words.js'
import { resolveBlobs } from '../options/blobs.js'
import { resolveStorage } from '../options/storage.js'
import { asText } from '../transfer/as-text.js'
import { countPlaces, exportLines, type TransferStores } from '../transfer/export.js'
import { importFrom, type ImportResult } from '../transfer/import.js'
import { pull } from '../transfer/pull/pull.js'
import { Remote, RemoteFailure } from '../transfer/pull/remote.js'
import { reopenExport, type BrokenExport } from '../transfer/resume.js'
import { readConfigFile } from './config-file.js'
import { configure } from './configure.js'
import { OperatorError } from './errors.js'
import { counted, number, Progress } from './progress.js'
import { requireFile } from './require-file.js'
import { orAskTheServer, type ServerAddress } from './server-address.js'
import { syncFile } from './sync-file.js'
import { exportFromServer, importIntoServer } from './transfer-server.js'
import type { ExportCommand, ImportCommand, PullCommand, TransferValues } from './transfer-arguments.js'

/** Writes everything in the store to a file or to stdout. Messages go to stderr. */
export async function runExport (command: ExportCommand): Promise<void> {
  const { values, out, resume, server } = command
  if (out !== undefined && !resume && existsSync(out)) throw new OperatorError(`The file ${out} exists: choose another one${server === undefined ? ', or continue it with --resume' : ''}.`)
  if (server !== undefined) return await exportRunning(server, command)
  await withStores(values, { mayMake: false, mayAsk: true }, async stores => {
    const broken: BrokenExport = resume && existsSync(out as string) ? await reopenExport(out as string) : { resume: undefined, records: 0 }
    const progress = new Progress('Exporting')
    const total = progress.isShown ? await countPlaces(stores.records) : 0
    const seen = { places: 0, records: broken.records }
    const lines = exportLines(stores, Date.now(), broken.resume)
    const text = Readable.from(asText(lines, line => {
      if (line.object === 'openai_compat.place') seen.places++
      if (line.object === 'openai_compat.record' && line.again === undefined) seen.records++
      progress.show(seen.places, total, counted(seen.records, 'record'))
    }))
    await writeTo(text, out)
    progress.end()
    sayExported(counted(seen.records, 'record'), out)
  })
}

async function exportRunning (server: ServerAddress, { format, out }: ExportCommand): Promise<void> {
  const progress = new Progress('Exporting')
  let what = format === 'sqlite' ? '0 bytes' : '0 records'
  await exportFromServer({
    server,
    format,
    out,
    onProgress ({ records, bytes }) {
      what = format === 'sqlite' ? `${number(bytes)} bytes` : counted(records, 'record')
      progress.show(0, 0, what)
    }
  }).finally(() => progress.end())
  sayExported(what, out)
}

/** Imports a file or stdin into the store. Resolves to whether every line was valid. */
export async function runImport ({ values, file, strict, project, server }: ImportCommand): Promise<boolean> {
  const about = file === undefined ? undefined : await stat(file).catch((cause: unknown) => { throw unreadable(file, cause) })
  // Looked at before a store is made for it.
  if (about?.isDirectory() === true) throw new OperatorError(`The file ${String(file)} cannot be read: it is a folder.`)
  const total = about?.size ?? 0
  const input = file === undefined ? process.stdin : createReadStream(file)
  const progress = new Progress('Importing')
  const told = {
    onBadLine (line: number, reason: string): void {
      progress.end()
      say(`Line ${number(line)} is bad: ${reason}.`)
    },
    onProgress: (bytes: number): void => progress.show(bytes, total, `${number(bytes)} bytes`)
  }
  const result = server === undefined
    ? await withStores(values, { mayMake: true, mayAsk: true }, async stores => await importFrom(input, stores, { strict, ...project === undefined ? {} : { project }, now: Date.now, ...told }))
    : await importIntoServer({ server, input, strict, project, ...told })
  progress.end()
  say(summary(result, strict))
  return result.badLines === 0
}

/** Reads another server's objects into the store. Resolves to whether everything could be had. */
export async function runPull ({ values, from, key, headers, threads, project }: PullCommand): Promise<boolean> {
  const ids = threads === undefined ? undefined : await threadIds(threads)
  const remote = new Remote({ from, key, headers })
  // Before a store is made for what would not come.
  const reach = async (): Promise<void> => await remote.reach().catch((cause: unknown) => { throw cause instanceof RemoteFailure ? new OperatorError(`Nothing was pulled: ${cause.message}`, { cause }) : cause })
  return await withStores(values, { mayMake: true, mayAsk: false, before: reach }, async stores => {
    const progress = new Progress('Pulling')
    const result = await pull(remote, stores, {
      ...project === undefined ? {} : { project },
      threads: ids,
      now: Date.now,
      onMissing (what) {
        progress.end()
        say(`Not available: ${what.replace(/\.$/, '')}.`)
      },
      onProgress: (done, total, { written }) => progress.show(done, total, counts(written))
    }).catch(error => {
      progress.end()
      if (error instanceof RemoteFailure) throw new OperatorError(`${error.message.replace(/\.$/, '')}. What came before is kept: start the same command again to go on.`, { cause: error })
      throw error
    })
    progress.end()
    say(`Pulled ${counts(result.written) || 'nothing new'}; ${counted(result.there, 'record was', 'records were')} there already.${result.missing === 0 ? '' : ` Not available or incomplete: ${number(result.missing)}, listed above.`}`)
    return result.missing === 0
  })
}

const unreadable = (file: string, cause: unknown): OperatorError => new OperatorError(`The file ${file} cannot be read: ${whyUnreadable(cause)}.`, { cause })

/** The ids in a text of any form: a list, a table, a dump of a database. */
async function threadIds (file: string): Promise<string[]> {
  const text = file === '-'
    ? await readAll(process.stdin)
    : await readFile(file, 'utf8').catch((cause: unknown) => { throw unreadable(file, cause) })
  const ids = [...new Set(text.match(/\bthread_\w+/g))]
  if (ids.length === 0) throw new OperatorError(`${file === '-' ? 'stdin' : `The file ${file}`} holds no ids of threads (thread_…).`)
  return ids
}

const counts = (written: ReadonlyMap<string, number>): string =>
  Object.entries(SHOWN).flatMap(([kind, name]) => written.has(kind) ? [counted(written.get(kind) as number, ...name)] : []).join(', ')

const SHOWN: Record<string, [one: string, many?: string]> = {
  assistant: ['assistant'], file: ['file'], vector_store: ['vector store'], vector_store_file: ['file in vector stores', 'files in vector stores'], thread: ['thread'], message: ['message'], run: ['run'], step: ['run step']
}

function summary ({ written, there, badLines }: ImportResult, strict: boolean): string {
  const shown = counts(written)
  const all = [...written.values()].reduce((sum, count) => sum + count, 0)
  const what = `Imported ${counted(all, 'record')}${shown === '' ? '' : ` (${shown})`}; ${number(there)} ${there === 1 ? 'was' : 'were'} there already.`
  if (badLines === 0) return what
  return `${what} ${strict ? 'It ended at a bad line.' : `${counted(badLines, 'line was', 'lines were')} bad and left out.`}`
}

/**
 * @param mayMake whether the store may be one that is not there yet
 * @param mayAsk whether the command takes the address of a server instead
 * @param before what has to go well before the stores are opened
 */
async function withStores<T> (values: TransferValues, { mayMake, mayAsk, before }: { mayMake: boolean, mayAsk: boolean, before?: () => Promise<void> }, work: (stores: TransferStores) => Promise<T>): Promise<T> {
  const { config } = configure(values, await readConfigFile(values.config, process.cwd()))
  const { storage } = config
  if (!mayMake) requireFile(storage)
  const { records } = resolveStorage(storage ?? 'memory:')
  if (!records.supports.persistent) throw new OperatorError('There is nothing to export from, import into or pull into with memory: as the storage.')
  const blobs = resolveBlobs(config.blobs, records)
  await before?.()
  try {
    await records.connect()
    await blobs.store.connect()
    return await work({ records, blobs: blobs.store })
  } catch (error) {
    throw mayAsk ? orAskTheServer(error) : error
  } finally {
    await blobs.store.disconnect()
    await records.disconnect()
  }
}

async function writeTo (text: Readable, out: string | undefined): Promise<void> {
  if (out === undefined) return await pipeline(text, process.stdout as Writable, { end: false })
  await pipeline(text, createWriteStream(out, { flags: 'a' }))
  syncFile(out)
}

const sayExported = (what: string, out: string | undefined): void => say(`Exported ${what}${out === undefined ? '' : ` to ${out}`}.`)

function say (sentence: string): void {
  process.stderr.write(`${sentence}\n`)
}

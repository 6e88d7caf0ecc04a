/**
 * How fast files are indexed by this version and by others, in one session and in turns: a server of each is started, gets 1,000 text files of 20 kB,
 * and is timed from the batch until every file is searchable. Prints the rates and their ratios.
 *
 *   npm run build && npm run bench -- build/bench/indexing.js [folder of another version, built]...
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { root } from '../test/helpers/paths.js'
import { seeded, wordOf } from './data/words.js'

const FILES = Number(process.env.FILES ?? 1000)
const FILE_BYTES = 20_000
const ROUNDS = Number(process.env.ROUNDS ?? 3)
const KEY = 'bench'

/** Version 0.1.0 takes a text for a PDF that mentions its header. */
const SENTENCES = readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md')).sort()
  .flatMap(name => readFileSync(join(root, 'docs', name), 'utf8').split(/(?<=[.:;])\s+/)).filter(sentence => sentence.length > 20 && !sentence.includes('%PDF-'))

/** Texts of this many characters, the same every time. */
const TEXTS: Record<string, (random: () => number) => string> = {
  'words without an ending': random => `w${wordOf(random).toString(36)}x`,
  'sentences of the documentation': random => SENTENCES[Math.floor(random() * SENTENCES.length)]!
}

function textOf (piece: (random: () => number) => string, random: () => number): string {
  let text = ''
  while (text.length < FILE_BYTES) text += `${piece(random)} `
  return text.slice(0, FILE_BYTES)
}

interface Measured {
  /** Files per second. */
  rate: number
  /** What the processors worked for each, in milliseconds: it hardly depends on what else they do. Not a number where there is no /proc. */
  cpu: number
  /** Resident memory when all files are searchable, in MB. */
  mb: number
}

/** Starts the server of a version with an empty SQLite file, and measures it. */
async function measure (version: string, texts: readonly string[]): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-indexing-'))
  const child = spawn(process.execPath, [join(version, 'dist/lib/cli.js'), '--port', '0', '--storage', `sqlite:${join(folder, 'bench.db')}`, '--api-key', KEY],
    { cwd: folder, env: { ...process.env, OLLAMA_BASE_URL: 'http://127.0.0.1:9/v1', LOG_LEVEL: 'error' }, stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    let base = ''
    for await (const line of createInterface(child.stdout)) {
      base = /http:\/\/[^\s/]+/.exec(line)?.[0] ?? ''
      if (base !== '') break
    }
    child.stdout.resume()
    const call = async (method: string, path: string, body?: object | FormData): Promise<any> => {
      const isForm = body instanceof FormData
      const response = await fetch(`${base}/v1${path}`, {
        method, headers: { authorization: `Bearer ${KEY}`, ...isForm ? {} : { 'content-type': 'application/json' } }, body: body === undefined ? null : isForm ? body : JSON.stringify(body)
      })
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
      return await response.json()
    }
    const ids: string[] = []
    for (const [i, text] of texts.entries()) {
      const form = new FormData()
      form.set('purpose', 'assistants')
      form.set('file', new Blob([text]), `${i}.txt`)
      ids.push((await call('POST', '/files', form)).id)
    }
    const { id } = await call('POST', '/vector_stores', {})
    const worked = cpuOf(child.pid)
    const began = performance.now()
    // As many as one request may name.
    for (let i = 0; i < ids.length; i += 500) await call('POST', `/vector_stores/${id}/file_batches`, { file_ids: ids.slice(i, i + 500) })
    for (;;) {
      const { file_counts: counts } = await call('GET', `/vector_stores/${id}`)
      if (counts.failed > 0) throw new Error(`${counts.failed} files failed`)
      if (counts.completed === texts.length) break
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    const word = texts.at(-1)!.split(' ').at(-2)!
    await call('POST', `/vector_stores/${id}/search`, { query: word })
    return { rate: texts.length / ((performance.now() - began) / 1000), cpu: (cpuOf(child.pid) - worked) / texts.length, mb: mbOf(child.pid) }
  } finally {
    child.kill()
    await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What a process and those that it has started have worked with all their threads, in milliseconds. */
function cpuOf (pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')
    // With what children worked that have ended.
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0) + childrenOf(pid).reduce((sum, child) => sum + cpuOf(child), 0)
  } catch {
    return NaN
  }
}

/** Resident memory of a process and those that it has started, in MB: what they share counts once for each. */
function mbOf (pid: number | undefined): number {
  try {
    const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0)
    return kilobytes / 1024 + childrenOf(pid).reduce((sum, child) => sum + mbOf(child), 0)
  } catch {
    return NaN
  }
}

const childrenOf = (pid: number | undefined): number[] => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(id => id !== '').map(Number)

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
const versions = [root, ...process.argv.slice(2)]

console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}; ${FILES} files of ${FILE_BYTES} bytes, SQLite, ${ROUNDS} rounds`)
for (const [name, piece] of Object.entries(TEXTS)) {
  const random = seeded(1)
  const texts = Array.from({ length: FILES }, () => textOf(piece, random))
  const all = versions.map((): Measured[] => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, version] of versions.entries()) all[i]!.push(await measure(version, texts))
  }
  for (const [i, version] of versions.entries()) {
    const [rates, cpu, mb] = [all[i]!.map(({ rate }) => rate), all[i]!.map(({ cpu }) => cpu), all[i]!.map(({ mb }) => mb)]
    console.log(`${name}, ${i === 0 ? 'this version' : basename(version)}: ${median(rates).toFixed(1)} files/s (${rates.map(value => value.toFixed(1)).join(', ')}), ${median(cpu).toFixed(1)} ms of processor for each (${cpu.map(value => value.toFixed(1)).join(', ')}), ${median(mb).toFixed(0)} MB`)
    if (i === 0) continue
    // A round's measurements are made one right after the other.
    const ratio = (of: (measured: Measured) => number): string => median(all[0]!.map((mine, round) => of(mine) / of(all[i]![round]!))).toFixed(2)
    console.log(`${name}: this version indexes ${ratio(({ rate }) => rate)} of the files that ${basename(version)} does in a second, and ${ratio(({ cpu }) => 1 / cpu)} of those in a second of processor`)
  }
}

import { readFileSync } from 'node:fs'
import { readdir, readFile, statfs } from 'node:fs/promises'
import { DATA_FOLDER, type SandboxLimits } from '../sandbox.js'

const LOOK_MS = 200
/** A tree that grows while it is walked ends somewhere. */
const MAX_PROCESSES = 1000

export interface Watched {
  /** The first process inside, by its id outside. All others descend from it. */
  pid: number
  limits: SandboxLimits
  /** Called once, with what is too much. */
  onExceeded: (reason: string) => void
}

/**
 * Looks every 200 ms at what resource limits do not bound: memory over all processes, and the number of files. Returns what stops it.
 */
export function watchOver ({ pid, limits, onExceeded }: Watched): () => void {
  let isStopped = false
  let timer: NodeJS.Timeout
  const lookLater = (): void => {
    timer = setTimeout(() => {
      excess(pid, limits).catch(() => undefined).then(reason => {
        if (isStopped) return
        if (reason === undefined) lookLater()
        else onExceeded(reason)
      }, () => {})
    }, LOOK_MS).unref()
  }
  lookLater()
  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}

async function excess (pid: number, limits: SandboxLimits): Promise<string | undefined> {
  const [processes, data, tmp, shm] = await Promise.all([residentBytes(pid), usage(pid, DATA_FOLDER), usage(pid, '/tmp'), usage(pid, '/dev/shm')])
  if (processes + data.bytes + tmp.bytes + shm.bytes > limits.memoryBytes) return `it used more than ${limits.memoryBytes} bytes of memory`
  if (data.files > limits.fileCount || tmp.files > limits.fileCount || shm.files > limits.fileCount) return `it made more than ${limits.fileCount} files`
  return undefined
}

async function residentBytes (root: number): Promise<number> {
  let bytes = 0
  const pids = [root]
  for (let i = 0; i < pids.length && i < MAX_PROCESSES; i++) {
    const [status, children] = await Promise.all([readFile(`/proc/${pids[i]}/status`, 'latin1').catch(() => ''), childrenOf(pids[i]!)])
    bytes += Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
    pids.push(...children)
  }
  return bytes
}

/** The processes that a process has started, by any of its threads. */
export async function childrenOf (pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const lists = await Promise.all(threads.map(async thread => await readFile(`/proc/${pid}/task/${thread}/children`, 'latin1').catch(() => '')))
  return lists.flatMap(numbers)
}

/** The same at once, for a process with one thread. */
export function childrenNow (pid: number): number[] {
  try {
    return numbers(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1'))
  } catch {
    return []
  }
}

const numbers = (list: string): number[] => list.split(' ').filter(part => part !== '').map(Number)

async function usage (pid: number, folder: string): Promise<{ bytes: number, files: number }> {
  const { bsize, blocks, bfree, files, ffree } = await statfs(`/proc/${pid}/root${folder}`)
  return { bytes: (blocks - bfree) * bsize, files: files - ffree }
}

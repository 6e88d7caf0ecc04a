import { readdirSync, readFileSync } from 'node:fs'

/** How much each process below this one gives way that has no more below it. Linux only. */
export function nicenessBelow (): { niceness: number, group: number | undefined }[] {
  const processes = readdirSync('/proc').filter(name => /^\d+$/.test(name)).flatMap(pid => {
    try {
      const [, parent, ...rest] = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')
      return [{ pid, parent, niceness: Number(rest[14]) }]
    } catch {
      // It has ended meanwhile.
      return []
    }
  })
  const childrenOf = (pid: string): typeof processes => processes.filter(({ parent }) => parent === pid)
  const leaves = (pid: string): typeof processes => childrenOf(pid).flatMap(child => childrenOf(child.pid).length === 0 ? [child] : leaves(child.pid))
  return leaves(String(process.pid)).map(({ pid, niceness }) => ({ niceness, group: groupOf(pid) }))
}

/** That of its session as a whole; undefined where the kernel does not share the processor between sessions. */
function groupOf (pid: string): number | undefined {
  try {
    const [, nice] = / nice (-?\d+)/.exec(readFileSync(`/proc/${pid}/autogroup`, 'utf8')) ?? []
    return nice === undefined ? undefined : Number(nice)
  } catch {
    return undefined
  }
}

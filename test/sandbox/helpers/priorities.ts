import { readdirSync, readFileSync } from 'node:fs'

/** How much each process below this one gives way that has no more below it. Linux only. */
export function nicenessBelow (): number[] {
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
  return leaves(String(process.pid)).map(({ niceness }) => niceness)
}

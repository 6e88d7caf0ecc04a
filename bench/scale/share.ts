/** A part of a core for a process of its own, by Linux's control groups. */
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs'

const PERIOD_US = 20_000

/** One group for each process, below both versions' usual places. */
const PLACES = [
  { folder: '/sys/fs/cgroup/cpu', limits: (us: number) => [['cpu.cfs_period_us', `${PERIOD_US}`], ['cpu.cfs_quota_us', `${us}`]] },
  { folder: '/sys/fs/cgroup', limits: (us: number) => [['cpu.max', `${us} ${PERIOD_US}`]] }
]

/**
 * Holds a process to so much of a core for as long as it lives. What it returns removes the group, once the process has ended. Undefined where
 * this user may not do it, or the system has no such groups.
 */
export function holdTo (cores: number, pid: number): (() => void) | undefined {
  for (const { folder, limits } of PLACES) {
    const group = `${folder}/openai-compat-scale-${pid}`
    try {
      mkdirSync(group)
    } catch {
      continue
    }
    try {
      for (const [file, value] of limits(Math.round(cores * PERIOD_US))) writeFileSync(`${group}/${file}`, value!)
      writeFileSync(`${group}/cgroup.procs`, `${pid}`)
      return () => { rmdirSync(group) }
    } catch {
      rmdirSync(group)
    }
  }
  return undefined
}

import { readFileSync } from 'node:fs'

/** Whether the system tells of its processes in files. */
export const canSeeProcesses = process.platform === 'linux'

/** The processes that one has started and that are still there. */
export function processesOf (pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(id => id !== '').map(Number)
}

/** The names of the variables in the environment that a process began with. */
export function environmentOf (pid: number): string[] {
  return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').filter(line => line !== '').map(line => line.slice(0, line.indexOf('=')))
}

/** A process that has ended, but that its parent has not looked at yet, is not there. */
export function isThere (pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** What a process has worked with all its threads, in milliseconds. */
export function processorMsOf (pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/**
 * A program: a process that has locked itself down as Pyodide's does, and then attacks, as code would that has reached JavaScript. Prints,
 * as JSON, what has come through, on descriptor 3: attempts may print.
 */
import fs from 'node:fs'
import { lockDown } from '../../../lib/sandbox/pyodide/lock-down.js'
import type { HostCanaries } from './host.js'
import { JAVASCRIPT_ATTEMPTS } from './javascript-attempts.js'

const [, , canaries = '', walls = ''] = process.argv
const host = JSON.parse(canaries) as HostCanaries
const exit = (process as unknown as { reallyExit (code: number): never }).reallyExit.bind(process)
Object.assign(process, { binding: () => ({}) })
// What an attempt leaves running is no failure of the next one.
process.on('uncaughtException', () => {})
if (!walls.split(',').includes('lock-down')) lockDown()
const LIMIT_MS = 1500
const through: string[] = []
for (const [name, attempt] of Object.entries(JAVASCRIPT_ATTEMPTS)) {
  // Its thread does not let the process end.
  if (name === 'a trace in a file' && walls.includes('lock-down')) continue
  try {
    if (await Promise.race([attempt(host), new Promise(resolve => setTimeout(resolve, LIMIT_MS))]) === true) through.push(name)
  } catch {
    // It has not come through.
  }
}
fs.writeSync(3, JSON.stringify(through))
exit(0)

/** A program: attacks a locked process without the walls that its arguments name, and prints what has come through, as JSON. */
import { spawn } from 'node:child_process'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { NOBODY } from '../../../lib/sandbox/bubblewrap/arguments.js'
import { lockedNode, type PyodideWall } from '../../../lib/sandbox/pyodide/locked-node.js'
import './available.js'
import { startHost } from './host.js'
import { JAVASCRIPT_ATTEMPTS } from './javascript-attempts.js'

const without = new Set(process.argv.slice(2) as PyodideWall[])
const host = await startHost()
const here = dirname(fileURLToPath(import.meta.url))
const { command, canDrop } = lockedNode({ program: `${here}/javascript-child.js`, readable: [here, dirname(fileURLToPath(import.meta.resolve('../../../lib/sandbox/pyodide/lock-down.js')))], without })
const child = spawn(process.execPath, [...command, JSON.stringify({ ...host.canaries, readable: here }), [...without].join()], {
  stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  cwd: '/',
  env: {},
  ...canDrop ? { uid: NOBODY, gid: NOBODY } : {}
})
const printed = await text(child.stdio[3] as Readable)
const through = JSON.parse(printed === '' ? '["it ended early"]' : printed) as string[]
const contacts = host.contacts()
host.close()
process.stdout.write(JSON.stringify({ attempts: Object.keys(JAVASCRIPT_ATTEMPTS).length, through, contacts }))

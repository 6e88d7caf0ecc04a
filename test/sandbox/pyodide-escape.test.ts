import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'tap'
import { built } from '../helpers/paths.js'
import { bubblewrapSkip, pyodideSkip } from './helpers/available.js'
import { JAVASCRIPT_ATTEMPTS } from './helpers/javascript-attempts.js'
import { PYODIDE_ATTEMPTS } from './helpers/pyodide-attempts.js'

interface Attack {
  through: string[]
  contacts: number
  isAlive?: boolean
}

const skip = await pyodideSkip()
const isRoot = process.getuid?.() === 0
/** What takes the start of one more Pyodide is made in the soak. */
const isSoak = process.env.SANDBOXES === 'all'

async function attack (program: string, walls: string[], uid?: number): Promise<Attack> {
  const child = spawn(process.execPath, [join(built, 'test/sandbox/helpers', program), ...walls], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { CANARY: 'secret' },
    cwd: '/',
    ...uid === undefined ? {} : { uid, gid: uid }
  })
  return JSON.parse(await text(child.stdout)) as Attack
}

const USERS = [['the user of the tests', undefined], ['an unprivileged user', 64_321]] as const
const cannotBecome = (uid: number | undefined): string | false => uid !== undefined && !isRoot && 'only root can become another user'

test('there are at least 90 attempts, each with a name of its own', async t => {
  t.ok(Object.keys(PYODIDE_ATTEMPTS).length >= 90, `${Object.keys(PYODIDE_ATTEMPTS).length} in Python`)
  t.ok(Object.keys(JAVASCRIPT_ATTEMPTS).length >= 90, `${Object.keys(JAVASCRIPT_ATTEMPTS).length} in JavaScript`)
})

for (const [who, uid] of USERS) {
  test(`no attempt of Python gets out of Pyodide, as ${who}`, { skip: skip || cannotBecome(uid) || (uid !== undefined && !isSoak && 'part of the soak') }, async t => {
    t.strictSame(await attack('pyodide-escape.js', [], uid), { attempts: Object.keys(PYODIDE_ATTEMPTS).length, through: [], contacts: 0, isAlive: true })
  })

  test(`nor does any inside of bubblewrap, as ${who}`, { skip: skip || cannotBecome(uid) || await bubblewrapSkip() || (!isSoak && 'part of the soak') }, async t => {
    t.strictSame(await attack('pyodide-escape.js', ['bubblewrap'], uid), { attempts: Object.keys(PYODIDE_ATTEMPTS).length, through: [], contacts: 0, isAlive: true })
  })

  test(`nor does JavaScript get out of its process, should code have reached it, as ${who}`, { skip: skip || cannotBecome(uid) }, async t => {
    t.strictSame(await attack('javascript-escape.js', [], uid), { attempts: Object.keys(JAVASCRIPT_ATTEMPTS).length, through: [], contacts: 0 })
  })
}

/** What comes through without a wall: so the attempts are real, and the wall holds. */
const WALLS: readonly [wall: string, program: string, names: string[]][] = [
  ['permission', 'javascript-escape.js', ['a file by readFileSync', 'to write a file', 'a program by spawn']],
  ['no-eval', 'javascript-escape.js', ['a function by its constructor', 'an async function by its constructor']],
  ['lock-down', 'javascript-escape.js', ['tcp by connect', 'udp', 'a question to a name server of its choice']],
  ['bridge', 'pyodide-escape.js', ['the module js', 'the module pyodide_js']]
]

for (const [wall, program, names] of WALLS) {
  test(`without the wall "${wall}" attempts come through`, { skip: skip || (wall === 'bridge' && !isSoak && 'part of the soak') }, async t => {
    const { through } = await attack(program, [wall])
    t.strictSame(names.filter(name => !through.includes(name)), [], through.join(', '))
  })
}

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'tap'
import { built } from '../helpers/paths.js'
import { bubblewrapSkip } from './helpers/available.js'

interface Attack {
  attempts: number
  through: string[]
  /** Attempts that ended in an unexpected way. */
  died: string[]
  contacts: number
  isAlive: boolean
}

const skip = process.arch !== 'x64' ? 'the attempts name system calls of x86-64' : await bubblewrapSkip()
const isRoot = process.getuid?.() === 0

async function attack (walls: string[], uid?: number): Promise<Attack> {
  const child = spawn(process.execPath, [join(built, 'test/sandbox/helpers/escape.js'), ...walls], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { CANARY: 'secret' },
    cwd: '/',
    ...uid === undefined ? {} : { uid, gid: uid }
  })
  return JSON.parse(await text(child.stdout)) as Attack
}

for (const [who, uid] of [['the user of the tests', undefined], ['an unprivileged user', 64_321]] as const) {
  test(`none of at least 90 attempts gets out of bubblewrap, as ${who}`, { skip: skip || (uid !== undefined && !isRoot && 'only root can become another user') }, async t => {
    const found = await attack([], uid)
    t.ok(found.attempts >= 90, `${found.attempts} attempts`)
    t.strictSame(found.through, [])
    t.strictSame(found.died, [])
    t.equal(found.contacts, 0, 'the host has seen nobody')
    t.ok(found.isAlive, 'and the session lives')
  })
}

/** What comes through without a wall: so the attempts are real, and the wall holds. */
const WALLS: Record<string, string[]> = {
  filter: ['vsock', 'netlink', 'io_uring', 'keyctl', 'to trace itself', 'no filter', 'a file in memory that nothing counts', 'the x32 entry'],
  network: ['tcp to the host by loopback', 'an abstract socket of the host', 'a request by urllib'],
  environment: ['its own environment', 'the environment of the server'],
  'proc-sys': ['the settings of the kernel'],
  'readonly-dev': ['to write /dev']
}

for (const [wall, names] of Object.entries(WALLS)) {
  test(`without the wall "${wall}" attempts come through`, { skip }, async t => {
    const { through } = await attack([wall])
    t.ok(names.some(name => through.includes(name)), `${names.join(', ')}: ${through.join(', ')}`)
  })
}

test('without giving up root, processes are not bounded', { skip: skip || (!isRoot && 'only root has root to give up') }, async t => {
  t.ok((await attack(['uid'])).through.includes('more processes than allowed'))
})

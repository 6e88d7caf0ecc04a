import { closeSync, openSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { DocumentReader } from '../../lib/retrieval/document-reader.js'
import { BubblewrapSandbox } from '../../lib/sandbox/bubblewrap/bubblewrap.js'
import { PyodideSandbox } from '../../lib/sandbox/pyodide/pyodide.js'
import { DEFAULT_SANDBOX_LIMITS, type Sandbox } from '../../lib/sandbox/sandbox.js'
import { systemClock } from '../../lib/shared/clock.js'

/**
 * Run as a program that may have few files open: tries something with none left to be opened, then with one, with two and so on until it
 * works, twice over. Prints what came of each attempt, and after each time how many files are open that the program has opened for nothing.
 */
const { signal } = new AbortController()

async function startAndStop (sandbox: Sandbox): Promise<void> {
  // No process inside may have more files open than this one.
  await (await sandbox.start({ limits: { ...DEFAULT_SANDBOX_LIMITS, openFiles: 32 }, signal })).stop()
}

const sandboxes = { bubblewrap: new BubblewrapSandbox(), pyodide: new PyodideSandbox(), 'bubblewrap-pyodide': new PyodideSandbox({}, undefined, {}) }
const attempts: Record<string, () => Promise<void>> = {
  async documents () {
    const reader = new DocumentReader({ clock: systemClock })
    const bytes = new TextEncoder().encode('Hello world.')
    try {
      const documents = reader.read({ filename: 'a.txt', bytes, chunking: { size: 800, overlap: 400 } })
      // All that counts is that it comes to an end.
      while (!(await documents.next()).done);
    } finally {
      await reader.close()
    }
  },
  ...Object.fromEntries(Object.entries(sandboxes).map(([name, sandbox]) => [name, async () => await startAndStop(sandbox)]))
}

const attempt = attempts[process.argv[2] ?? '']!
const idle: number[] = []

/** Opens as many files as there may be. */
async function useUp (): Promise<void> {
  // What has ended is closed first.
  for (let turn = 0; turn < 10; turn++) await setImmediate()
  for (;;) {
    try {
      idle.push(openSync('/dev/null', 'r'))
    } catch {
      return
    }
  }
}

const say = (...words: unknown[]): void => { process.stdout.write(`${JSON.stringify(words)}\n`) }

say('begins')
for (let time = 0; time < 2; time++) {
  let isDone = false
  for (let free = 0; !isDone; free++) {
    await useUp()
    for (let i = 0; i < free; i++) closeSync(idle.pop()!)
    await attempt().then(() => {
      isDone = true
    }, (error: Error) => say(free, error.name, error.message))
  }
  await useUp()
  say('open', idle.length)
}
for (const fd of idle) closeSync(fd)
await Promise.all(Object.values(sandboxes).map(async sandbox => await sandbox.close()))

/** The command line as its users meet it: a process of its own. Nothing here waits for time to pass. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'
import { SETTINGS } from '../../lib/cli/settings.js'
import { built } from './paths.js'

export interface ProcessOptions {
  args?: string[]
  /** The only settings it sees; those in the environment of the tests are hidden. */
  env?: Record<string, string>
  /** Default: an empty folder. */
  cwd?: string
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface CliProcess {
  child: ChildProcess
  /** The base URL, once it is printed. Rejects with what stderr says when the process ends before that. */
  ready: Promise<string>
  exited: Promise<Exit>
  /** The first line of the log, past or to come, that holds `text`. */
  logged (text: string): Promise<Record<string, any>>
}

/** Runs a command. Killed when the test ends. */
export function startProcess (t: Test, command: string, { args = [], env = {}, cwd = t.testdir() }: ProcessOptions = {}): { child: ChildProcess, exited: Promise<Exit> } {
  const hidden = Object.fromEntries(Object.values(SETTINGS).map(setting => [setting.env, undefined]))
  const child = spawn(command, args, { cwd, env: { ...process.env, ...hidden, ...env } })
  t.teardown(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const exited = Promise.all([once(child, 'close'), buffer(child.stdout), buffer(child.stderr)]).then(([[code, signal], stdout, stderr]) => {
    return { code, signal, stdout: stdout.toString(), stderr: stderr.toString() } as Exit
  })
  return { child, exited }
}

/** Starts the command line from the sources. Unless `env` says otherwise there is no Ollama. */
export function startCli (t: Test, { args = [], ...options }: ProcessOptions = {}): CliProcess {
  return startCommand(t, process.execPath, { ...options, args: [join(built, 'lib/cli.js'), ...args] })
}

/** Starts the command line, whatever the command. */
export function startCommand (t: Test, command: string, { env, ...options }: ProcessOptions): CliProcess {
  const { child, exited } = startProcess(t, command, { ...options, env: { OLLAMA_BASE_URL: 'http://127.0.0.1:9/v1', ...env } })
  const log = lines(child.stderr!)
  const ready = Promise.race([
    lines(child.stdout!)('http://').then(line => /http:\/\/\S+/.exec(line)![0]),
    exited.then(({ stderr }) => { throw new Error(`the server did not start: ${stderr}`) })
  ])
  ready.catch(() => {})
  return { child, ready, exited, logged: async text => JSON.parse(await log(text)) as Record<string, any> }
}

/** A function that finds the first line with a text, among those that came and those to come. */
function lines (stream: NodeJS.ReadableStream): (text: string) => Promise<string> {
  const seen: string[] = []
  const reader = createInterface(stream)
  reader.on('line', line => seen.push(line))
  return async text => {
    for (let next = 0; ; next++) {
      if (next === seen.length) await once(reader, 'line')
      if (seen[next]!.includes(text)) return seen[next]!
    }
  }
}

/** The processes of a measurement: each can say what it has used, and all end with the program. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Shares } from './profile.js'

export interface Usage { cpuMs: number, rssMb: number, peakMb: number }

export interface Child {
  /** `http://127.0.0.1:PORT` */
  url: string
  /** All of them, of a program with several servers. */
  urls: string[]
  pid: number
  usage (): Promise<Usage>
  /** Begins to look where the time goes; what it returns ends that and tells. */
  profile (): Promise<() => Promise<Shares>>
  stop (): Promise<void>
}

const path = (file: string): string => fileURLToPath(new URL(file, import.meta.url))

/** Starts a program that prints the addresses it listens on, in a line. */
export async function start (file: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Child> {
  const child = fork(path(file), args, { execArgv: ['--import', path('./probe.js'), ...process.env.BENCH_NODE_ARGS?.split(' ') ?? []], env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const kill = (): void => { child.kill('SIGKILL') }
  process.once('exit', kill)
  let printed = ''
  const urls = await new Promise<string[]>((resolve, reject) => {
    child.once('exit', code => reject(new Error(`${file} ended with ${code}`)))
    child.stdout!.setEncoding('utf8').on('data', text => {
      printed += text
      const [line] = /^.*http:\/\/.*\n/m.exec(printed) ?? []
      if (line !== undefined) resolve(line.match(/http:\/\/[\w.:]+/g)!)
    })
  })
  const ask = async <T>(question: string): Promise<T> => {
    child.send(question)
    const [answer] = await once(child, 'message') as [T]
    return answer
  }
  return {
    url: urls[0]!,
    urls,
    pid: child.pid!,
    usage: async () => (await ask<{ usage: Usage }>('usage')).usage,
    async profile () {
      await ask('profile')
      return async () => (await ask<{ shares: Shares }>('shares')).shares
    },
    async stop () {
      process.off('exit', kill)
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
  }
}

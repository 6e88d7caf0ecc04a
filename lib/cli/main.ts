import { readCommand, type Command } from './arguments.js'
import { readConfigFile } from './config-file.js'
import { configure, isOpen } from './configure.js'
import { defaultProvider } from './default-provider.js'
import { OperatorError } from './errors.js'
import { fail } from './fail.js'
import { helpText } from './help.js'
import { createKey } from './key.js'
import { logStream } from './log-stream.js'
import { modelLines, readyText, storageName, toolLines } from './messages.js'
import type { Values } from './settings.js'
import type { ExportCommand, ImportCommand, PullCommand } from './transfer-arguments.js'
import { DEFAULT_CLOSE_GRACE_MS } from '../server/options.js'
import type { OpenAIServer } from '../server.js'
import { packageVersion } from '../shared/version.js'

/** npm passes a terminal's Ctrl-C on to a process that has got it already: the same signal this soon again is no second one. */
const SAME_SIGNAL_MS = 200

/** What handing runs over and closing the store may take beyond `closeGraceMs`. Docker kills ten seconds after its signal. */
const MORE_MS = 2000

/** Does what the command line asks for. Throws what the operator is to read. */
export async function main (): Promise<void> {
  const command = readCommand(process.argv.slice(2), process.env)
  if (command.run === 'help') process.stdout.write(helpText(command.of))
  else if (command.run === 'version') process.stdout.write(`${packageVersion()}\n`)
  else if (command.run === 'serve') await serve(command.values)
  else if (command.run === 'eval') await (await import('./eval.js')).runEval(command.file, command.values)
  else if (command.run === 'erase') await (await import('./erase.js')).runErase(command, command.values, process.stdout)
  else if (command.run === 'sandbox') await sandbox(command)
  else if (command.run === 'doctor') await doctor(command)
  else if (command.run === 'objects') await (await import('./objects.js')).runObjects(command, process.stdout)
  else if (command.run === 'usage') await (await import('./usage.js')).runUsage(command, process.stdout)
  else if (command.run === 'init') await (await import('./init.js')).runInit(command.file, process.stdout)
  else if (command.run === 'completion') process.stdout.write((await import('./completion.js')).completionScript(command.shell))
  else if (command.run === 'key') createKey(command, process)
  else await transfer(command)
}

async function doctor ({ values, mayRepair, scan, aliasFile }: Command & { run: 'doctor' }): Promise<void> {
  if (scan !== undefined) return await (await import('./doctor/scan.js')).runScan(values, scan, aliasFile, process.stdout)
  const { runDoctor } = await import('./doctor/doctor.js')
  if (!await runDoctor(values, mayRepair, process.stdout)) process.exitCode = 1
}

async function sandbox (command: Command & { run: 'sandbox' }): Promise<void> {
  const { checkSandboxes, prepareSandboxes } = await import('./sandbox.js')
  if (command.action === 'prepare') await prepareSandboxes(command, process.stdout)
  else if (!await checkSandboxes(command.values, process.stdout)) process.exitCode = 1
}

/** `export`, `import` and `pull`, which open the store themselves. */
async function transfer (command: ExportCommand | ImportCommand | PullCommand): Promise<void> {
  const { runExport, runImport, runPull } = await import('./transfer.js')
  if (command.run === 'export') return await runExport(command)
  const isWhole = command.run === 'import' ? await runImport(command) : await runPull(command)
  if (!isWhole) process.exitCode = 1
}

async function serve (values: Values): Promise<void> {
  const file = await readConfigFile(values.config, process.cwd())
  const { config, logLevel, hasProvider } = configure(values, file)
  const fallback = hasProvider ? undefined : await defaultProvider(values.ollamaUrl)
  // Only now: help and mistakes need none of it.
  const { OpenAIServer } = await import('../server.js')
  try {
    // Stdout is for scripts, so the log goes to stderr.
    const server = new OpenAIServer(undefined, { ...config, ...fallback?.options, logging: { level: logLevel, stream: await logStream(process.stderr) } })
    stopOnSignals(server, (config.limits?.drainMs ?? 0) + (config.closeGraceMs ?? DEFAULT_CLOSE_GRACE_MS) + MORE_MS)
    await server.start()
    // A signal may have come meanwhile.
    if (!server.isRunning()) return
    const log = server.app!.log
    if (fallback !== undefined) log[fallback.level](fallback.message)
    for (const line of [...modelLines(config), ...toolLines(config)]) log.info(line)
    if (config.metrics !== false) log.info(`metrics for Prometheus are at ${new URL('/metrics', server.getBaseUrl()).href}`)
    if (config.console === true) log.info(`the console is at ${new URL('/console/', server.getBaseUrl()).href}`)
    log.info(`everything is kept in ${storageName(config.storage)}`)
    process.stdout.write(readyText(server.getBaseUrl(), { model: config.defaultModel ?? fallback?.model, needsKey: !isOpen(config) }))
  } catch (error) {
    // Most flags and variables were checked as they were read, so a bad option that is left is probably in the file.
    if (error instanceof TypeError && file !== undefined) throw new OperatorError(`${error.message} The config file is ${file.path}.`, { cause: error })
    throw error
  }
}

/** The first signal drains, for `limitMs` at most; the second one does not wait. */
function stopOnSignals (server: OpenAIServer, limitMs: number): void {
  let first: { signal: NodeJS.Signals, at: number } | undefined
  const stop = (signal: NodeJS.Signals): void => {
    if (first !== undefined) {
      if (signal !== first.signal || performance.now() - first.at > SAME_SIGNAL_MS) process.exit(1)
      return
    }
    first = { signal, at: performance.now() }
    const log = server.app?.log
    log?.info(`${signal}: closing`)
    setTimeout(() => {
      log?.error(`the server did not close within ${limitMs / 1000} s, probably because its store does not answer; unfinished runs continue on another instance, or at the next start`)
      process.exit(1)
    }, limitMs).unref()
    server.stop().then(() => process.exit(0), fail)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  if (process.env.npm_lifecycle_event === 'npx') whenOrphaned(() => stop('SIGTERM'))
}

/** A signal to npx ends the shell between it and this process, and goes no further: the shell's end stands for it. */
function whenOrphaned (act: () => void): void {
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    act()
  }, 250).unref()
}

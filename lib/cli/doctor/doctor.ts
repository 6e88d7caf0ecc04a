import { descriptorsUsedUp } from '../../shared/descriptors.js'
import { silentLogger } from '../../shared/log.js'
import { ModelRegistry } from '../../models/registry.js'
import { resolveOptions } from '../../options/options.js'
import { readConfigFile } from '../config-file.js'
import { configure } from '../configure.js'
import { defaultProvider } from '../default-provider.js'
import type { Values } from '../settings.js'
import { ok, problem, type Check, type Finding, type Patient } from './check.js'
import { embeddings, keys, models, sandbox } from './service-checks.js'
import { clock, permissions, records, storage } from './store-checks.js'

/** In this order. */
const CHECKS: readonly Check[] = [storage, clock, records, permissions, keys, models, embeddings, sandbox]

/** `doctor`: looks at everything that the server needs, and prints what it finds. Whether nothing is wrong. */
export async function runDoctor (values: Values, mayRepair: boolean, out: NodeJS.WritableStream): Promise<boolean> {
  let isWell = true
  const tell = (name: string, { level, text }: Finding): void => {
    if (level === 'problem') isWell = false
    out.write(`${level.padEnd(8)} ${name.padEnd(11)} ${text}\n`)
  }
  // Nothing that is waited for keeps a process alive: a vendor that is asked once more, for instance.
  const awake = setInterval(() => {}, 60_000)
  let patient: Patient
  try {
    const file = await readConfigFile(values.config, process.cwd())
    const { config, hasProvider } = configure(values, file)
    const fallback = hasProvider ? {} : (await defaultProvider(values.ollamaUrl)).options
    const { logLevel: _, ...given } = { logLevel: undefined, ...config, ...fallback }
    const { port: _port, host: _host, closeGraceMs: _grace, console: _console, prefix: _prefix, ...plugin } = given
    const options = resolveOptions(plugin)
    patient = { file, config, options, records: options.storage.records, models: new ModelRegistry({ ...options.models, clock: options.clock, log: silentLogger }), mayRepair }
    tell('config', ok(file === undefined ? 'There is no config file; flags and environment are right.' : `${file.path} is right.`))
  } catch (error) {
    tell('config', asProblem(error))
    clearInterval(awake)
    return false
  }
  const { records: store, models: registry } = patient
  try {
    await store!.connect()
  } catch (error) {
    tell('storage', asProblem(error))
    patient.records = undefined
  }
  try {
    for (const { name, look } of CHECKS) {
      try {
        for await (const finding of look(patient)) tell(name, finding)
      } catch (error) {
        tell(name, asProblem(error))
      }
    }
  } finally {
    await registry.close()
    if (patient.records !== undefined) await store!.disconnect()
    clearInterval(awake)
  }
  return isWell
}

function asProblem (error: unknown): Finding {
  const [line = ''] = (descriptorsUsedUp(error) ?? (error instanceof Error ? error.message : String(error))).split('\n')
  return problem(line)
}

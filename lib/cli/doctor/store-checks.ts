import { statSync } from 'node:fs'
import { KIND, PARTITION, SYSTEM_PROJECT } from '../../../storage/layout.js'
import type { DamagedRecordError } from '../../../storage/record-store.js'
import { findDamage } from '../../maintenance/find-damage.js'
import { repair } from '../../maintenance/repair.js'
import { storageName } from '../messages.js'
import { counted } from '../progress.js'
import { ok, problem, warning, type Check } from './check.js'

/** Opening it has looked at its layout, its clock (`clock`) and how it is set up. */
export const storage: Check = {
  name: 'storage',
  async * look ({ records, config }) {
    if (records === undefined) return
    for (const text of records.warnings ?? []) yield warning(text)
    await records.write({ project: SYSTEM_PROJECT, partition: PARTITION.readiness }, [{ op: 'put', kind: KIND.readiness, id: 'doctor', body: {} }])
    if (!records.supports.persistent) yield warning('Everything is kept in memory, and lost when the server stops.')
    yield ok(`${storageName(config.storage)} can be read and written.`)
  }
}

/** By whose clock things expire. How far off it is, opening the store has warned of. */
export const clock: Check = {
  name: 'clock',
  async * look ({ records, options }) {
    if (records === undefined) return
    if (!records.supports.shared) yield ok(`The clock of this machine counts: it is ${new Date(options.clock.now()).toISOString()}.`)
    else if ((records.clockSkewMs ?? 0) === 0) yield ok('The clocks of this machine and of the store agree within seconds.')
  }
}

const nameOf = ({ key }: DamagedRecordError): string => `${key.kind.replaceAll('_', ' ')} ${key.id} in ${key.partition}${key.project === '' ? '' : ` of the project "${key.project}"`}`

/** What cannot be read, and what a server has set aside for it. */
export const records: Check = {
  name: 'records',
  async * look ({ records, mayRepair }) {
    if (records === undefined) return
    const damaged = new Map<string, DamagedRecordError>()
    const count = await findDamage(records, error => { damaged.set(JSON.stringify(error.key), error) })
    for (const error of damaged.values()) {
      const done = mayRepair ? await repair(records, error) : undefined
      if (done !== undefined) yield warning(`The ${nameOf(error)} was damaged: ${done}.`)
      else yield problem(`The ${nameOf(error)} is damaged${mayRepair ? ': restore it from a backup or an export, or remove it' : ': --repair does what can be done'}.`)
    }
    yield ok(`${counted(count, 'record')} can be read.`)
  }
}

const OTHERS = 0o077

/** What others on this machine may read. */
export const permissions: Check = {
  name: 'files',
  async * look ({ records, file, config, options }) {
    if (process.platform === 'win32') return
    const database = (records as { path?: unknown } | undefined)?.path
    const paths = [file?.path, config.apiKeysFile, ...typeof database === 'string' && database !== ':memory:' ? [database] : [], (options.blobs.store as { path?: unknown }).path]
    let count = 0
    for (const path of paths) {
      const stat = typeof path === 'string' ? statSync(path, { throwIfNoEntry: false }) : undefined
      if (stat === undefined) continue
      count++
      if ((stat.mode & OTHERS) === 0) continue
      // A config file need not hold a key.
      if (path === file?.path && !/"?(apiKey|apiKeys|key)"?\s*:/.test(JSON.stringify(config))) continue
      yield warning(`Other users of this machine may read ${String(path)}: chmod ${stat.isDirectory() ? '700' : '600'} ${String(path)}`)
    }
    yield ok(`${counted(count, 'file or folder was', 'files and folders were')} looked at.`)
  }
}

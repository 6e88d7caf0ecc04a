import type { RecordStore } from '../../../storage/record-store.js'
import type { ResolvedOptions } from '../../options/options.js'
import type { ModelRegistry } from '../../models/registry.js'
import type { ConfigFile } from '../config-file.js'
import type { Configured } from '../configure.js'

/** What a check has found. A `problem` is what keeps the server from working, a `warning` what an operator should know. */
export interface Finding {
  level: 'ok' | 'warning' | 'problem'
  text: string
}

/** What the checks look at. */
export interface Patient {
  file: ConfigFile | undefined
  config: Configured['config']
  options: ResolvedOptions
  /** Open; undefined when it cannot be opened. */
  records: RecordStore | undefined
  models: ModelRegistry
  /** Whether to mend what can be mended. */
  mayRepair: boolean
}

export interface Check {
  /** One word. */
  name: string
  /** What fails in it is a problem of its own. */
  look (patient: Patient): AsyncIterable<Finding>
}

export const ok = (text: string): Finding => ({ level: 'ok', text })
export const warning = (text: string): Finding => ({ level: 'warning', text })
export const problem = (text: string): Finding => ({ level: 'problem', text })

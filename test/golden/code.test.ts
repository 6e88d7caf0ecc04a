import { t } from 'tap'
import { persistentStores } from '../helpers/stores.js'
import { code, codeInterpreter, hastyCodeInterpreter, lateCode, sandbox } from './flows/code.js'
import { playOn } from './play.js'
import { pyodideSkip } from '../sandbox/helpers/available.js'

// How they end is the sandbox's affair and the engine's, not the store's: the soak plays them on the others.
const stores = ['memory', ...process.env.SANDBOXES === 'all' ? persistentStores.map(({ name }) => name) : []]

if (await pyodideSkip() === false) {
  t.teardown(async () => await sandbox.close())
  for (const store of stores) {
    await playOn(store, code, { codeInterpreter })
    await playOn(store, lateCode, { codeInterpreter: hastyCodeInterpreter })
  }
}

/**
 * Run as a process of its own by sqlite.test.ts: writes records of `size` characters to the file `path` and tells
 * each acknowledged id on a line of stdout. After a failed write it waits for a line on stdin and goes on.
 */
import { once } from 'node:events'
import { writeSync } from 'node:fs'
import { StorageUnavailableError } from '../../storage/record-store.js'
import { SqliteRecordStore } from '../../storage/sqlite/store.js'
import { home, put } from '../../storage/conformance/record-store/suite.js'

const [path, size] = process.argv.slice(2) as [path: string, size: string]
const say = (line: string) => writeSync(1, `${line}\n`)

// A file size limit then fails the write, as a full disk does, instead of killing the process.
process.on('SIGXFSZ', () => {})

const store = new SqliteRecordStore({ path })
try {
  await store.connect()
  for (let n = 0; ; n++) {
    await Promise.all([`${n}-a`, `${n}-b`].map(async id => {
      try {
        await store.write(home, [put(id, { body: 'x'.repeat(Number(size)) })])
        say(id)
      } catch (error) {
        if (!(error instanceof StorageUnavailableError)) throw error
        say(`failed ${error.message}`)
        if (id.endsWith('b')) await once(process.stdin, 'data')
      }
    }))
  }
} catch (error) {
  say(String(error))
}

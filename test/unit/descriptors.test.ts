import { join } from 'node:path'
import { test } from 'tap'
import { descriptorsUsedUp } from '../../lib/shared/descriptors.js'
import { connectionFailure } from '../../lib/models/http/failure.js'
import { StorageUnavailableError } from '../../storage/record-store.js'
import { built } from '../helpers/paths.js'

const emfile = (): Error => Object.assign(new Error('connect EMFILE 127.0.0.1:80'), { code: 'EMFILE' })

test('an error says that descriptors are used up wherever it says so: itself, a cause, a message that was passed on', t => {
  const limit = /^The process has as many files and connections open as it may \(\w+\): raise the limit/
  for (const error of [emfile(), new StorageUnavailableError('The folder failed', { cause: emfile() }), new Error('Redis cannot be used: connect EMFILE 127.0.0.1:6379'), { code: 'ENFILE' }]) {
    t.match(descriptorsUsedUp(error), limit)
  }
  const circle: { cause?: unknown } = new Error('round')
  circle.cause = circle
  for (const error of [undefined, null, 'EMFILE', new Error('FILE'), new StorageUnavailableError('away', { cause: new Error('ECONNREFUSED') }), circle]) t.equal(descriptorsUsedUp(error), undefined)
  t.end()
})

test('a module that is there and was not found was not opened; one that is missing is missing', t => {
  const missing = (path: string): Error => Object.assign(new Error(`Cannot find package '${join(built, '..', path)}' imported from x.js`), { code: 'ERR_MODULE_NOT_FOUND' })
  t.match(descriptorsUsedUp(missing('package.json')), /descriptors/)
  t.match(descriptorsUsedUp(missing('node_modules/ajv/index.js')), /descriptors/)
  t.equal(descriptorsUsedUp(missing('node_modules/no-such-package/index.js')), undefined)
  t.equal(descriptorsUsedUp(Object.assign(new Error("Cannot find package 'x'"), { code: 'ERR_MODULE_NOT_FOUND' })), undefined)
  t.end()
})

test('a vendor that cannot be asked for lack of descriptors is asked again', t => {
  t.match(connectionFailure(emfile(), { name: 'openai', secrets: [] as never, now: 0 }), {
    retryable: true, message: 'The model provider "openai" could not be asked: this server has as many connections open as it may.'
  })
  t.end()
})

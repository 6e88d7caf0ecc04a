import { test } from 'tap'
import { loadDriver } from '../../storage/base/driver.js'

test('a driver that is not installed is named, with the command that installs it', async t => {
  const name = 'no-such-driver'
  await t.rejects(loadDriver(name, () => import(name)), {
    name: 'StorageUnavailableError',
    message: 'This storage needs the package "no-such-driver", which could not be loaded: npm install no-such-driver',
    cause: { message: /Cannot find package/ }
  })
})

import { newestSdk } from '../helpers/sdk.js'
import { places } from './helpers/coder.js'
import { runTests } from './helpers/run-tests.js'

for (const place of await places()) if (place.name === 'pyodide') runTests(place, [newestSdk])

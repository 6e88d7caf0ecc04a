import { places, someSdks } from './helpers/coder.js'
import { runTests } from './helpers/run-tests.js'

for (const place of await places()) if (place.name === 'pyodide') runTests(place, someSdks)

import { sdks } from '../helpers/sdk.js'
import { places } from './helpers/coder.js'
import { runTests } from './helpers/run-tests.js'

for (const place of await places()) if (place.name === 'bubblewrap') runTests(place, sdks)

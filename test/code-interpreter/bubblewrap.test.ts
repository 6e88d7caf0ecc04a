import { sdks } from '../helpers/sdk.js'
import { places } from './helpers/coder.js'
import { runTests, withPandas } from './helpers/run-tests.js'
import { pythonLacks } from '../sandbox/helpers/available.js'

for (const place of await places()) if (place.name === 'bubblewrap') runTests(place, sdks, [withPandas(await pythonLacks(['pandas', 'matplotlib']))])

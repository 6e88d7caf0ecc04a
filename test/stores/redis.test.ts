import { skipRedis } from '../helpers/stores.js'
import { runApiSuites } from './api-suites.js'

await runApiSuites('redis', await skipRedis())

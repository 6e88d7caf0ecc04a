import { skipPostgres } from '../helpers/stores.js'
import { runApiSuites } from './api-suites.js'

await runApiSuites('postgres', await skipPostgres())

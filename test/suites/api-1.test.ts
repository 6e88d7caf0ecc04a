import { importTests } from './import.js'

await importTests(['api'], 1, 3)

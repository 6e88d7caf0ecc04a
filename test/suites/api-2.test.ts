import { importTests } from './import.js'

await importTests(['api'], 2, 3)

import { importTests } from './import.js'

await importTests(['api'], 3, 3)

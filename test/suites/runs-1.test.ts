import { importTests } from './import.js'

await importTests(['runs'], 1, 2)

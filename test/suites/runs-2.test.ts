import { importTests } from './import.js'

await importTests(['runs'], 2, 2)

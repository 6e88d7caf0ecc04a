import { importTests } from './import.js'

await importTests(['azure', 'chat', 'in-process', 'models', 'server'])

import { importTests } from './import.js'

await importTests(['azure', 'chat', 'conformance', 'in-process', 'models', 'server'])

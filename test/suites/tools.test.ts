import { importTests } from './import.js'

await importTests(['tools', 'webhooks', 'unit'])

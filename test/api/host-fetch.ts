/** Run as a process of its own by host.test.ts: loads the plugin, asks a model of the given URL, then fetches it and prints the status. */
import { openaiCompatible } from '../../lib/index.js'

const baseURL = process.argv[2]!
const provider = openaiCompatible({ baseURL })
await provider.models({ signal: new AbortController().signal })
await provider.close()
const body = JSON.stringify({ model: 'm', messages: [] })
const response = await fetch(`${baseURL}/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': `${body.length}` }, body })
process.stdout.write(`${response.status}`)

/** Run as a process of its own by host.test.ts: loads the plugin, then fetches the given URL and prints the status. */
import '../../lib/plugin.js'

const body = JSON.stringify({ model: 'm', messages: [] })
const response = await fetch(process.argv[2]!, { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': `${body.length}` }, body })
process.stdout.write(`${response.status}`)

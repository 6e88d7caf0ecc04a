/** A process that has a document read which does not end, and says in which process: to be killed by a test. */
import { systemClock } from '../../../lib/shared/clock.js'
import { DocumentReader } from '../../../lib/retrieval/document-reader.js'
import { processesOf } from './processes.js'

const documents = new DocumentReader({ clock: systemClock, thread: new URL('fatal-thread.js', import.meta.url) })
documents.read({ filename: 'a.txt', bytes: new TextEncoder().encode('hang'), chunking: { size: 800, overlap: 400 } }).next().catch(() => {})
console.log(processesOf(process.pid).join(' '))

/** Objects that a file has; more are not looked at. */
const MAX_OBJECTS = 200_000

interface PdfObject {
  number: number
  generation: number
  body: string
}

/**
 * A copy of a PDF in which the references to pages that are none lead to empty pages, and the numbers of these pages, from 1. What reads
 * PDF stops at such a page and loses all that come after it. Undefined when nothing of the kind can be found.
 */
export function repairPages (bytes: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  // Objects in compressed streams are not seen: what is missing may be there.
  if (text.includes('/ObjStm')) return undefined
  const objects = objectsOf(text)
  const last = Math.max(0, ...objects.keys())
  const replaced: string[] = []
  const placeholder = last + 1
  for (const { number, generation, body } of objects.values()) {
    const kids = /\/Kids\s*\[([^\]]{0,2000000})\]/.exec(body)
    if (kids === null) continue
    const mended = kids[1]!.replace(/(\d{1,10})\s+\d{1,5}\s+R/g, (reference, kid: string) => isInTree(objects.get(Number(kid))?.body) ? reference : `${placeholder} 0 R`)
    if (mended !== kids[1]) replaced.push(`${number} ${generation} obj\n${body.replace(kids[0], () => `/Kids[${mended}]`)}\nendobj\n`)
  }
  if (replaced.length === 0) return undefined
  const page = `${placeholder} 0 obj\n<</Type/Page/MediaBox[0 0 1 1]>>\nendobj\n`
  const [root] = /\/Root\s+\d+\s+\d+\s+R/.exec(text) ?? ['']
  // Without a table of its objects a file is searched for them, and the last of a number counts.
  return new Uint8Array(Buffer.concat([bytes, Buffer.from(`\n${page}${replaced.join('')}trailer\n<<${root}>>\nstartxref\n0\n%%EOF\n`, 'latin1')]))
}

const isInTree = (body: string | undefined): boolean => body?.trimStart().startsWith('<<') === true && /\/(?:Page|Pages|Kids|Contents|Resources)\b/.test(body)

function objectsOf (text: string): Map<number, PdfObject> {
  const found = new Map<number, PdfObject>()
  const header = /(?<![\d.])(\d{1,10})[ \t\r\n]{1,4}(\d{1,5})[ \t\r\n]{1,4}obj\b/g
  for (let match = header.exec(text); match !== null && found.size < MAX_OBJECTS; match = header.exec(text)) {
    const end = text.indexOf('endobj', header.lastIndex)
    const stream = text.indexOf('stream', header.lastIndex)
    const until = Math.min(...[end, stream].map(index => index === -1 ? text.length : index))
    found.set(Number(match[1]), { number: Number(match[1]), generation: Number(match[2]), body: text.slice(header.lastIndex, until) })
    header.lastIndex = until
  }
  return found
}

import { inflateSync, constants } from 'node:zlib'

/** Objects that a file has; more are not looked at. */
const MAX_OBJECTS = 200_000

interface PdfObject {
  number: number
  generation: number
  /** Up to its stream, if it has one. */
  body: string
  /** Where the body ends in the file. */
  end: number
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
  const last = highest(objects.keys())
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

/**
 * A copy of a PDF that has lost its end, and with it the table of its objects, with one: the pages that are there are in it, in the order of the file if the
 * list of them is lost too. Undefined when there are none.
 */
export function rebuilt (bytes: Uint8Array, maxUnpackedBytes: number): Uint8Array | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  const objects = objectsOf(text)
  const packed = packedObjects(text, objects, maxUnpackedBytes)
  const all = new Map([...[...packed].map(([number, body]): [number, string] => [number, body]), ...[...objects].map(([number, { body }]): [number, string] => [number, body])])
  const pages = [...all].filter(([, body]) => IS_PAGE.test(body)).map(([number]) => `${number} 0 R`)
  if (pages.length === 0) return undefined
  let next = highest(all.keys())
  const [catalog] = [...all].find(([, body]) => IS_CATALOG.test(body) && IS_TREE.test(all.get(Number(/\/Pages\s+(\d{1,10})\s/.exec(body)?.[1])) ?? '')) ?? []
  const added = [...packed].map(([number, body]) => `${number} 0 obj\n${body}\nendobj\n`)
  const root = catalog ?? ++next
  if (catalog === undefined) added.push(`${root} 0 obj\n<</Type/Catalog/Pages ${++next} 0 R>>\nendobj\n`, `${next} 0 obj\n<</Type/Pages/Count ${pages.length}/Kids[${pages.join(' ')}]>>\nendobj\n`)
  added.push(...brokenOff(text, objects, maxUnpackedBytes))
  const [encryption] = /\/Encrypt\s+\d+\s+\d+\s+R/.exec(text) ?? ['']
  const [id] = /\/ID\s*\[[^\]]{0,200}\]/.exec(text) ?? ['']
  // What was being written when the file broke off ends here.
  return new Uint8Array(Buffer.concat([bytes, Buffer.from(`\nendstream\nendobj\n${added.join('')}trailer\n<</Root ${root} 0 R${encryption}${id}>>\nstartxref\n0\n%%EOF\n`, 'latin1')]))
}

function highest (numbers: Iterable<number>): number {
  let highest = 0
  for (const number of numbers) highest = Math.max(highest, number)
  return highest
}

const IS_PAGE = /\/Type\s*\/Page(?![A-Za-z])/
const IS_CATALOG = /\/Type\s*\/Catalog\b/
const IS_TREE = /\/Type\s*\/Pages\b/

/** The stream that the file breaks off in, as far as it is there: what reads PDF reads on beyond its end, and takes nothing of it then. */
function brokenOff (text: string, objects: ReadonlyMap<number, PdfObject>, maxUnpackedBytes: number): string[] {
  const last = [...objects.values()].sort((a, b) => a.end - b.end).at(-1)
  if (last === undefined || !/\/Filter\s{0,20}\[?\s{0,20}\/FlateDecode\s{0,20}[\]/>]/.test(last.body) || text.includes('endstream', last.end)) return []
  const start = /^stream\r?\n/.exec(text.slice(last.end, last.end + 8))?.[0].length
  if (start === undefined) return []
  const data = unpack(text.slice(last.end + start), maxUnpackedBytes)
  const body = last.body.replace(/\/Filter\s*(?:\[[^\]]*\]|\/FlateDecode)/, '').replace(/\/Length\s+\d+(?:\s+\d+\s+R)?/, `/Length ${data.length}`)
  return [`${last.number} ${last.generation} obj\n${body}stream\n${data}\nendstream\nendobj\n`]
}

/** The objects within streams of objects (ISO 32000-1, 7.5.7) that can be unpacked, by number. */
function packedObjects (text: string, objects: ReadonlyMap<number, PdfObject>, maxUnpackedBytes: number): Map<number, string> {
  const found = new Map<number, string>()
  let left = maxUnpackedBytes
  const endOf = finder(text, 'endstream')
  for (const { body, end } of objects.values()) {
    if (!/\/Type\s*\/ObjStm\b/.test(body) || !body.includes('/FlateDecode') || left <= 0) continue
    const start = /^stream\r?\n/.exec(text.slice(end, end + 8))?.[0].length
    if (start === undefined) continue
    const data = text.slice(end + start, endOf(end))
    const unpacked = unpack(data, left)
    // What is looked at counts too: a stream without an end would be looked at again with each one after it.
    left -= data.length + unpacked.length
    const first = Number(/\/First\s+(\d{1,10})/.exec(body)?.[1])
    const numbers = unpacked.slice(0, first).match(/\d{1,10}/g)?.map(Number) ?? []
    for (let i = 0; i + 1 < numbers.length && found.size < MAX_OBJECTS; i += 2) {
      const [at, to] = [first + numbers[i + 1]!, first + (numbers[i + 3] ?? unpacked.length - first)]
      if (to <= unpacked.length && !objects.has(numbers[i]!)) found.set(numbers[i]!, unpacked.slice(at, to))
    }
  }
  return found
}

/** What was packed, as far as it is there. */
function unpack (data: string, maxOutputLength: number): string {
  try {
    return inflateSync(Buffer.from(data, 'latin1'), { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength }).toString('latin1')
  } catch {
    return ''
  }
}

const isInTree = (body: string | undefined): boolean => body?.trimStart().startsWith('<<') === true && /\/(?:Page|Pages|Kids|Contents|Resources)\b/.test(body)

function objectsOf (text: string): Map<number, PdfObject> {
  const found = new Map<number, PdfObject>()
  const header = /(?<![\d.])(\d{1,10})[ \t\r\n]{1,4}(\d{1,5})[ \t\r\n]{1,4}obj\b/g
  const end = finder(text, 'endobj')
  const stream = finder(text, 'stream')
  for (let match = header.exec(text); match !== null && found.size < MAX_OBJECTS; match = header.exec(text)) {
    const until = Math.min(end(header.lastIndex), stream(header.lastIndex))
    found.set(Number(match[1]), { number: Number(match[1]), generation: Number(match[2]), body: text.slice(header.lastIndex, until), end: until })
    header.lastIndex = until
  }
  return found
}

/** Where a word comes next, or the length of the text. Asked from places that only grow, it looks at no part of the text twice. */
function finder (text: string, word: string): (from: number) => number {
  let [asked, found] = [0, -1]
  return from => {
    if (from < asked || from > found) {
      const index = text.indexOf(word, from)
      found = index === -1 ? text.length : index
    }
    asked = from
    return found
  }
}

import { zipSync, strToU8 } from 'fflate'

/** A PDF with a page for each text. */
export function pdf (...pages: string[]): Uint8Array {
  const objects = ['<< /Type /Catalog /Pages 2 0 R >>', `<< /Type /Pages /Kids [${pages.map((_, i) => `${4 + 2 * i} 0 R`).join(' ')}] /Count ${pages.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>']
  pages.forEach((text, i) => {
    const lines = text.split('\n').map(line => `(${line.replace(/[\\()]/g, '\\$&')}) Tj 0 -20 Td`).join(' ')
    const content = `BT /F1 12 Tf 72 700 Td ${lines} ET`
    objects.push(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${5 + 2 * i} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
      `<< /Length ${content.length} >>\nstream\n${content}\nendstream`)
  })
  return pdfOf(objects)
}

/** A PDF of these objects, the first its catalog. */
export function pdfOf (objects: readonly (string | Uint8Array)[], trailer = ''): Uint8Array {
  const parts: Buffer[] = [Buffer.from('%PDF-1.7\n')]
  const offsets: number[] = []
  let length = parts[0]!.length
  const add = (part: Buffer): void => {
    parts.push(part)
    length += part.length
  }
  objects.forEach((body, i) => {
    offsets.push(length)
    add(Buffer.concat([Buffer.from(`${i + 1} 0 obj\n`), Buffer.from(body), Buffer.from('\nendobj\n')]))
  })
  const start = length
  const table = offsets.map(offset => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  add(Buffer.from(`xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${table}trailer\n<< /Size ${objects.length + 1} /Root 1 0 R ${trailer} >>\nstartxref\n${start}\n%%EOF`))
  return new Uint8Array(Buffer.concat(parts))
}

const RELATIONSHIPS = 'http://schemas.openxmlformats.org/package/2006/relationships'
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'

export function zip (entries: Record<string, string | Uint8Array>): Uint8Array {
  return zipSync(Object.fromEntries(Object.entries(entries).map(([name, data]) => [name, typeof data === 'string' ? strToU8(data) : data])))
}

/** A Word document with a paragraph for each text, or with this body. */
export function docx (paragraphs: string[], body?: string): Uint8Array {
  const xml = body ?? paragraphs.map(text => `<w:p><w:r><w:t xml:space="preserve">${text}</w:t></w:r></w:p>`).join('')
  return zip({
    '[Content_Types].xml': '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>',
    '_rels/.rels': `<Relationships xmlns="${RELATIONSHIPS}"><Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>`,
    'word/document.xml': `<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>${xml}</w:body></w:document>`
  })
}

/** A Word document with this body and these parts, by the type of the relationship to them (`header2` for a second header). */
export function docxOf (body: string, parts: Record<string, string>): Uint8Array {
  const entries = Object.entries(parts)
  const target = (name: string): string => `${name}.${name === 'aFChunk' ? 'html' : 'xml'}`
  return zip({
    '_rels/.rels': `<Relationships xmlns="${RELATIONSHIPS}"><Relationship Id="rId1" Type="${OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>`,
    'word/document.xml': `<w:document xmlns:w="w" xmlns:m="m" xmlns:r="r"><w:body>${body}</w:body></w:document>`,
    'word/_rels/document.xml.rels': `<Relationships xmlns="${RELATIONSHIPS}">${entries.map(([name]) => `<Relationship Id="${name}" Type="${OFFICE}/${name.replace(/\d$/, '')}" Target="${target(name)}"/>`).join('')}</Relationships>`,
    ...Object.fromEntries(entries.map(([name, xml]) => [`word/${target(name)}`, xml]))
  })
}

/** A presentation of these parts below `ppt/`, each slide with its relationships: type to target. */
export function pptxOf (slides: readonly { xml: string, related?: Record<string, string> }[], parts: Record<string, string>): Uint8Array {
  const relationships = (list: readonly (readonly [id: string, type: string, target: string])[]): string =>
    `<Relationships xmlns="${RELATIONSHIPS}">${list.map(([id, type, target]) => `<Relationship Id="${id}" Type="${OFFICE}/${type}" Target="${target}"/>`).join('')}</Relationships>`
  const entries: Record<string, string> = {
    '_rels/.rels': relationships([['rId1', 'officeDocument', 'ppt/presentation.xml']]),
    'ppt/presentation.xml': `<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst>${slides.map((_, i) => `<p:sldId id="${256 + i}" r:id="s${i}"/>`).join('')}</p:sldIdLst></p:presentation>`,
    'ppt/_rels/presentation.xml.rels': relationships(slides.map((_, i) => [`s${i}`, 'slide', `slides/slide${i}.xml`]))
  }
  slides.forEach(({ xml, related = {} }, i) => {
    entries[`ppt/slides/slide${i}.xml`] = `<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree>${xml}</p:spTree></p:cSld></p:sld>`
    entries[`ppt/slides/_rels/slide${i}.xml.rels`] = relationships(Object.entries(related).map(([type, target], n) => [`r${n}`, type, target]))
  })
  for (const [name, xml] of Object.entries(parts)) entries[`ppt/${name}`] = xml
  return zip(entries)
}

/** A presentation with a slide for each text, kept in an order that is not the one they are shown in. */
export function pptx (slides: string[]): Uint8Array {
  const entries: Record<string, string> = { '[Content_Types].xml': '<Types/>' }
  const file = (i: number): string => `slide${slides.length - i}.xml`
  slides.forEach((text, i) => {
    const lines = text.split('\n').map(line => `<a:p><a:r><a:t>${line}</a:t></a:r></a:p>`).join('')
    entries[`ppt/slides/${file(i)}`] = `<p:sld xmlns:p="p" xmlns:a="a"><p:cSld><p:spTree><p:sp><p:txBody>${lines}</p:txBody></p:sp></p:spTree></p:cSld></p:sld>`
  })
  entries['ppt/presentation.xml'] = `<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst>${slides.map((_, i) => `<p:sldId id="${256 + i}" r:id="rId${i + 1}"/>`).join('')}</p:sldIdLst></p:presentation>`
  entries['ppt/_rels/presentation.xml.rels'] = `<Relationships xmlns="${RELATIONSHIPS}">${slides.map((_, i) => `<Relationship Id="rId${i + 1}" Type="${OFFICE}/slide" Target="slides/${file(i)}"/>`).join('')}</Relationships>`
  return zip(entries)
}

import { pdfOf } from './documents.js'

/** A stream object of a PDF. */
export const stream = (content: string, dictionary = ''): string => `<< ${dictionary} /Length ${content.length} >>\nstream\n${content}\nendstream`
export const FONT = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>'

/** A page with this content: object 4 is its font F1, 5 what it draws, further objects are numbered from 6. */
export function page (content: string, { annotations = '', fonts = '', catalog = '', objects = [] }: { annotations?: string, fonts?: string, catalog?: string, objects?: string[] } = {}): Uint8Array {
  return pdfOf([`<< /Type /Catalog /Pages 2 0 R ${catalog} >>`, '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 5 0 R /Resources << /Font << /F1 4 0 R ${fonts} >> >> ${annotations} >>`, FONT, stream(content), ...objects])
}

/** Draws texts where they are to stand. */
export const draw = (...texts: [x: number, y: number, text: string][]): string => texts.map(([x, y, text]) => `BT /F1 10 Tf ${x} ${y} Td (${text}) Tj ET`).join('\n')

/** A page whose text is in a font that is not in the file, known by the map from codes to characters that it names. */
export function pageInNamedMap (map: string, ordering: string, codes: string): Uint8Array {
  const font = `<< /Type /Font /Subtype /Type0 /BaseFont /X-${map} /Encoding /${map} /DescendantFonts [7 0 R] >>`
  const descendant = `<< /Type /Font /Subtype /CIDFontType0 /BaseFont /X /CIDSystemInfo << /Registry (Adobe) /Ordering (${ordering}) /Supplement 2 >> /DW 1000 /FontDescriptor 8 0 R >>`
  const descriptor = '<< /Type /FontDescriptor /FontName /X /Flags 4 /FontBBox [0 0 1000 1000] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>'
  return page(`BT /F2 10 Tf 50 700 Td <${codes}> Tj ET`, { fonts: '/F2 6 0 R', objects: [font, descendant, descriptor] })
}

/** A page with the widgets of a form on it, and other annotations. */
export function formPage (content: string, fields: readonly string[], notes: readonly string[] = []): Uint8Array {
  const objects = [...fields.map(field => `<< /Type /Annot /Subtype /Widget /F 4 /DA (/F1 10 Tf 0 g) ${field} >>`), ...notes]
  const references = objects.map((_, i) => `${6 + i} 0 R`)
  return page(content, {
    objects: [...objects], annotations: `/Annots [${references.join(' ')}]`, catalog: `/AcroForm << /Fields [${references.slice(0, fields.length).join(' ')}] /DR << /Font << /F1 4 0 R >> >> >>`
  })
}

import { readFileSync } from 'node:fs'
import { test, type Test } from 'tap'
import { systemClock } from '../../lib/shared/clock.js'
import { DocumentReader } from '../../lib/retrieval/document-reader.js'
import { Ocr } from '../../lib/retrieval/parse/ocr.js'
import { pdf } from './helpers/documents.js'
import { invalid, parse } from './helpers/parse.js'

const scan = new Uint8Array(readFileSync(new URL('../../../test/data/documents/scanned.pdf', import.meta.url)))

async function readBy (t: Test, languages: string[], bytes: Uint8Array): Promise<string> {
  const reader = new DocumentReader({ clock: systemClock, languages })
  t.teardown(async () => await reader.close())
  let text = ''
  for await (const batch of reader.read({ filename: 'scan.pdf', bytes: bytes.slice(), chunking: { size: 800, overlap: 400 } })) text += batch.map(chunk => chunk.text).join('\n')
  return text
}

test('a scanned page is read by Tesseract, in a process that ends with the reader', async t => {
  t.match(await readBy(t, ['eng'], scan), /Invoice 4711 for the pump\s+due on the first of March/)
})

test('a scanned page says what has to be installed for it to be read', async t => {
  await t.rejects(readBy(t, ['eng', 'xyz'], scan), invalid('its pages are pictures, and reading them needs packages that the server does not have: npm install tesseract.js @tesseract.js-data/eng @tesseract.js-data/xyz'))
  await t.rejects(readBy(t, [], scan), invalid('it contains no text'))
  t.match(await readBy(t, ['xyz'], pdf('Text needs no packages')), 'Text needs no packages')
})

test('pages that are pictures of nothing, or fail, do not fail the rest', async t => {
  const failing = async (): Promise<string> => { throw new Error('no luck') }
  await t.rejects(parse('scan.pdf', scan, { recognise: failing }), invalid())
  t.strictSame(await parse('scan.pdf', scan, { recognise: async ({ width, height, pixels }) => `${width}x${height} ${pixels[0]} ${pixels.filter(value => value === 0).length > 1000}` }),
    [{ text: '800x160 255 true', page: 1 }])
  await t.rejects(parse('scan.pdf', scan, { recognise: new Ocr(['xyz']).recognise }), { code: 'invalid_file', message: /npm install/ })
})

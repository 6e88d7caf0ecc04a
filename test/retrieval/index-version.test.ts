import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { analysePassage } from '../../lib/retrieval/analysis/passage.js'
import { INDEX_VERSION } from '../../lib/retrieval/analysis/version.js'
import { LANGUAGE_SAMPLES } from '../data/languages.js'
import { root } from '../helpers/paths.js'

/** Made by `UPDATE_TERMS=1`, together with a new version. */
const FILE = join(root, 'test/data/terms.json')
const MORE = {
  names: ['getUserName in src/http_client.ts throws ERR_SENT (0x80070005) since v2.14.1; OAuth2Client, HTTPServer2, Python3, e-mail, U.S.A., AB-1234-X, 4,800 and 1.234.567,50'],
  'Chinese, traditional': ['這個國家的經濟發展與教育體系有密切關係。'],
  Kana: ['コンピュータの使い方をひらがなで'],
  Serbian: ['Ђаци у Београду читају књиге', 'Đaci u Beogradu čitaju knjige'],
  Urdu: ['لاہور کے طلبہ کتابیں پڑھتے ہیں۔']
}

test('what is made of a text changes with the version of the index alone, so that no index keeps terms that no query looks for', async t => {
  const samples = { ...Object.fromEntries(LANGUAGE_SAMPLES.map(({ language, passages }) => [language, passages])), ...MORE }
  const terms = Object.fromEntries(Object.entries(samples).map(([name, passages]) => [name, passages.map(text => analysePassage(text, undefined, 'annual_report.pdf').terms.join(' '))]))
  if (process.env.UPDATE_TERMS === '1') writeFileSync(FILE, `${JSON.stringify({ version: INDEX_VERSION, terms }, null, 1)}\n`)
  const kept = JSON.parse(readFileSync(FILE, 'utf8')) as { version: number, terms: typeof terms }
  t.equal(INDEX_VERSION, kept.version, 'the terms were kept with another version: run this test with UPDATE_TERMS=1')
  t.strictSame(terms, kept.terms, 'raise INDEX_VERSION in lib/retrieval/analysis/version.ts, then run this test with UPDATE_TERMS=1')
})

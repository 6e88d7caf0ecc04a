import { compile } from 'html-to-text'
import { decodeText } from './text.js'

const convert = compile({
  wordwrap: false,
  selectors: [
    { selector: 'a', options: { ignoreHref: true } },
    { selector: 'img', format: 'skip' },
    ...['script', 'style', 'noscript', 'template', 'svg', 'nav'].map(selector => ({ selector, format: 'skip' })),
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map(selector => ({ selector, options: { uppercase: false } })),
    { selector: 'table', format: 'dataTable', options: { uppercaseHeaderCells: false } }
  ],
  limits: { maxDepth: 200, maxChildNodes: 100_000, ellipsis: '' }
})

/** The words of a page, without its markup. */
export function htmlText (bytes: Uint8Array): string {
  return convert(decodeText(bytes))
}

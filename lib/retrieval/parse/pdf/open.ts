import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { getDocumentProxy } from 'unpdf'
import { packageFolder } from '../../../shared/package-folder.js'
import { unreadable } from '../document.js'

export type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>
export type PdfPage = Awaited<ReturnType<PdfDocument['getPage']>>

/** Folders with the character maps and fonts that PDF files refer to and do not contain; `scripts/assets.js` has put them there. */
const FOLDERS: Record<string, string> = { cMapUrl: 'cmaps/', standardFontDataUrl: 'standard_fonts', wasmUrl: 'wasm' }

let root: string | undefined

function folder (): string {
  root ??= join(packageFolder(), 'dist/pdf')
  return root
}

interface PdfJs {
  getDocument: (options: object) => { promise: Promise<PdfDocument> }
}

/** pdf.js, with the changes of `scripts/pdfjs.js`. */
const load = async (): Promise<PdfJs> => await import(pathToFileURL(join(folder(), 'pdfjs.mjs')).href) as PdfJs

/** Without these, text in East Asian fonts is lost: the file only names the map from its codes to characters. */
class DataFiles {
  async fetch ({ kind, filename }: { kind: string, filename: string }): Promise<Uint8Array> {
    const data = FOLDERS[kind]
    // Names come from the document.
    if (data === undefined || !/^[\w-]+(?:\.\w+)?$/.test(filename)) throw new Error('no such data')
    return new Uint8Array(await readFile(join(folder(), data, filename)))
  }
}

/** Opens a PDF. No code from the file, no fonts of the system, no warnings on the console. Throws a `DocumentError`. */
export async function openPdf (bytes: Uint8Array): Promise<PdfDocument> {
  const { getDocument } = await load()
  const options = {
    data: bytes,
    isEvalSupported: false,
    disableFontFace: true,
    useSystemFonts: false,
    verbosity: 0,
    useWorkerFetch: false,
    cMapUrl: 'cmaps/',
    cMapPacked: true,
    standardFontDataUrl: 'fonts/',
    BinaryDataFactory: DataFiles
  }
  try {
    return await getDocument(options).promise
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'PasswordException') throw unreadable('it is encrypted', cause)
    throw unreadable(undefined, cause)
  }
}

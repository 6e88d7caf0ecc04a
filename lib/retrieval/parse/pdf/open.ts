import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { getDocumentProxy } from 'unpdf'
import { unreadable } from '../document.js'

export type PdfDocument = Awaited<ReturnType<typeof getDocumentProxy>>
export type PdfPage = Awaited<ReturnType<PdfDocument['getPage']>>

/** Folders of the package that has the character maps and fonts which PDF files refer to and do not contain. */
const FOLDERS: Record<string, string> = { cMapUrl: 'cmaps/', standardFontDataUrl: 'standard_fonts', wasmUrl: 'wasm' }

let root: string | undefined

/** Without these, text in East Asian fonts is lost: the file only names the map from its codes to characters. */
class DataFiles {
  async fetch ({ kind, filename }: { kind: string, filename: string }): Promise<Uint8Array> {
    const folder = FOLDERS[kind]
    // Names come from the document.
    if (folder === undefined || !/^[\w-]+(?:\.\w+)?$/.test(filename)) throw new Error('no such data')
    root ??= dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'))
    return new Uint8Array(await readFile(join(root, folder, filename)))
  }
}

/** Opens a PDF. No code from the file, no fonts of the system, no warnings on the console. Throws a `DocumentError`. */
export async function openPdf (bytes: Uint8Array): Promise<PdfDocument> {
  const options = {
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
    return await getDocumentProxy(bytes, options)
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'PasswordException') throw unreadable('it is encrypted', cause)
    throw unreadable(undefined, cause)
  }
}

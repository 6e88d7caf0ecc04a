import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Worker } from 'tesseract.js'
import { unreadable } from './document.js'

/** A picture in shades of grey, a byte for each pixel, from the top left. */
export interface Picture {
  width: number
  height: number
  pixels: Uint8Array
}

/** Reads the words in a picture. Throws a `DocumentError` when the packages that it needs are not installed. */
export type RecogniseText = (picture: Picture) => Promise<string>

/** Tesseract, when the first picture comes. It has a thread of its own, which ends with the one that this is in. */
export class Ocr {
  readonly #languages: readonly string[]
  #worker: Promise<Worker> | undefined

  /** @param languages as Tesseract names them: `eng`, `deu`, `chi_sim` */
  constructor (languages: readonly string[]) {
    this.#languages = languages
  }

  readonly recognise: RecogniseText = async picture => {
    this.#worker ??= this.#start()
    const worker = await this.#worker
    const { data } = await worker.recognize(asPgm(picture))
    return data.text.trim()
  }

  async #start (): Promise<Worker> {
    const { createWorker } = await this.#load(async () => await import('tesseract.js'))
    // Tesseract takes the data of all languages from one folder, and reads them before it is ready.
    const folder = await mkdtemp(join(tmpdir(), 'ocr-'))
    try {
      await this.#load(async () => { for (const code of this.#languages) await copyFile(dataFile(code), join(folder, `${code}.traineddata.gz`)) })
      const LSTM = 1
      return await createWorker([...this.#languages], LSTM, { langPath: folder, cacheMethod: 'none', errorHandler: () => {} })
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }

  async #load<T> (load: () => Promise<T>): Promise<T> {
    try {
      return await load()
    } catch (cause) {
      const packages = ['tesseract.js', ...this.#languages.map(code => `@tesseract.js-data/${code}`)].join(' ')
      throw unreadable(`its pages are pictures, and reading them needs packages that the server does not have: npm install ${packages}`, cause)
    }
  }
}

const dataFile = (code: string): string => join(dirname(createRequire(import.meta.url).resolve(`@tesseract.js-data/${code}/package.json`)), '4.0.0_best_int', `${code}.traineddata.gz`)

/** The plainest of the formats that Tesseract reads. */
const asPgm = ({ width, height, pixels }: Picture): Buffer => Buffer.concat([Buffer.from(`P5\n${width} ${height}\n255\n`), pixels])

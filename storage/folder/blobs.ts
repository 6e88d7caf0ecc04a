import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type BlobKey, LEFTOVERS_MS } from '../blob-store.js'
import { StorageUnavailableError } from '../record-store.js'
import { fileWords } from '../base/file-words.js'
import { makePrivateFolder, PRIVATE_FILE, PRIVATE_FOLDER } from '../base/private-file.js'
import { AbstractBlobStore, BlobGoneError, type FoundBlob } from '../base/abstract-blob-store.js'

export interface FolderBlobStoreOptions {
  /** Made when missing. Instances on one machine, or on one network share, may have it in common. */
  path: string
}

/** Where blobs are written. In the same folder, hence on the same disk, so that a rename is all it takes to show them. */
const UNFINISHED = 'unfinished'

/**
 * A file for each blob, `<path>/<2 digits>/<64 digits>`. The digits are a hash of the key: no key can name a place
 * outside, two keys that differ in case alone stay apart on every disk, and no folder gets very large. File and folder
 * are synced before a put is acknowledged.
 */
export class FolderBlobStore extends AbstractBlobStore {
  readonly path: string

  constructor ({ path }: FolderBlobStoreOptions) {
    super()
    this.path = resolve(path)
  }

  protected async open (): Promise<void> {
    await this.#guard(async () => {
      const unfinished = join(this.path, UNFINISHED)
      makePrivateFolder(unfinished)
      // A process that died left its file here. Others may be at work, hence the age.
      for (const name of await readdir(unfinished)) {
        const path = join(unfinished, name)
        const modified = (await stat(path).catch(ifMissing))?.mtimeMs ?? Infinity
        if (modified < Date.now() - LEFTOVERS_MS) await rm(path, { force: true })
      }
    })
  }

  protected close (): void {}

  protected async write (key: BlobKey, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const unfinished = join(this.path, UNFINISHED, randomUUID())
    const final = this.#pathOf(key)
    try {
      const file = await this.#guard(async () => await open(unfinished, 'wx', PRIVATE_FILE))
      try {
        for await (const chunk of chunks) await this.#guard(async () => await writeAll(file, chunk))
        await this.#guard(async () => await file.sync())
      } finally {
        await file.close()
      }
      await this.#guard(async () => {
        const folder = dirname(final)
        const isNew = await mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER }) !== undefined
        await rename(unfinished, final)
        await syncFolder(folder)
        if (isNew) await syncFolder(this.path)
      })
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {})
      throw error
    }
  }

  protected async find (key: BlobKey): Promise<FoundBlob | undefined> {
    const path = this.#pathOf(key)
    const found = await this.#guard(async () => await stat(path).catch(ifMissing))
    return found && { size: found.size, read: (start, end) => this.#read(path, found.ino, start, end) }
  }

  protected async remove (key: BlobKey): Promise<boolean> {
    return await this.#guard(async () => await unlink(this.#pathOf(key)).then(() => true, ifMissing)) ?? false
  }

  async * #read (path: string, inode: number, start: number, end: number): AsyncGenerator<Uint8Array> {
    const file = await this.#guard(async () => await open(path, 'r').catch(ifMissing))
    if (file === undefined) throw new BlobGoneError()
    try {
      if ((await file.stat()).ino !== inode) throw new BlobGoneError()
      yield * createReadStream('', { fd: file, start, end: end - 1, autoClose: false })
    } finally {
      await file.close()
    }
  }

  #pathOf ({ project, id }: BlobKey): string {
    const name = createHash('sha256').update(`${project}\0${id}`).digest('hex')
    return join(this.path, name.slice(0, 2), name)
  }

  async #guard<T> (command: () => Promise<T>): Promise<T> {
    try {
      return await command()
    } catch (error) {
      throw new StorageUnavailableError(`The folder ${this.path} cannot be used: ${fileWords(error) ?? (error as Error).message}`, { cause: error })
    }
  }
}

/** A write may take only a part when the disk is nearly full. */
async function writeAll (file: Awaited<ReturnType<typeof open>>, chunk: Uint8Array): Promise<void> {
  for (let written = 0; written < chunk.length;) {
    written += (await file.write(chunk, written)).bytesWritten
  }
}

/** Makes a rename within the folder survive a power cut, where the system lets one. */
async function syncFolder (path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function ifMissing (error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

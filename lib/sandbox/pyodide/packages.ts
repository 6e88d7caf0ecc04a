import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SandboxError } from '../sandbox.js'

/** The files of Pyodide itself that a folder needs. */
const CORE = ['package.json', 'pyodide.mjs', 'pyodide.asm.mjs', 'pyodide.asm.wasm', 'python_stdlib.zip', 'pyodide-lock.json'] as const
const LOCK = 'pyodide-lock.json'

/** What Pyodide's lock file says of one package. */
export interface LockedPackage {
  name: string
  version: string
  file_name: string
  sha256: string
  depends: string[]
  imports: string[]
}

export interface Preparation {
  /** The folder of Pyodide. */
  from: string
  /** The folder that is made ready: everything that `PyodideOptions.folder` needs. */
  to: string
  /** Packages by their name, or the name that they are imported under. Those that they depend on come with them. */
  names: readonly string[]
  /** Where the files of the lock file are served. */
  url: string
  /** Called when a file is in its place. */
  onFile?: (pack: LockedPackage, isNew: boolean) => void
}

/** Where Pyodide's makers serve the packages of a version. */
export const packagesUrl = (version: string): string => `https://cdn.jsdelivr.net/pyodide/v${version}/full/`

/** The packages that there are for the Pyodide of a folder, by name. Throws a `SandboxError`. */
export function lockedPackages (folder: string): Map<string, LockedPackage> {
  try {
    const { packages } = JSON.parse(readFileSync(join(folder, LOCK), 'utf8')) as { packages: Record<string, LockedPackage> }
    return new Map(Object.entries(packages).map(([name, pack]) => [plain(name), pack]))
  } catch (error) {
    throw new SandboxError(`There is no Pyodide in ${folder}: ${(error as Error).message}`)
  }
}

/** Those of them whose files are in the folder. */
export function preparedPackages (folder: string): LockedPackage[] {
  return [...lockedPackages(folder).values()].filter(pack => existsSync(join(folder, pack.file_name)))
}

/** Packages, and what they depend on. Throws a `SandboxError` for a name that is not known. */
export function withDependencies (all: ReadonlyMap<string, LockedPackage>, names: readonly string[]): LockedPackage[] {
  const found = new Map<string, LockedPackage>()
  const add = (name: string): void => {
    const pack = all.get(plain(name)) ?? [...all.values()].find(({ imports }) => imports.includes(name))
    if (pack === undefined) throw new SandboxError(`Pyodide has no package "${name}".`)
    if (found.has(pack.name)) return
    found.set(pack.name, pack)
    pack.depends.forEach(add)
  }
  names.forEach(add)
  return [...found.values()]
}

/** Names are the same with `_`, `.` and `-`, in any case. */
const plain = (name: string): string => name.toLowerCase().replace(/[-_.]+/g, '-')

/**
 * Makes a folder that Pyodide can start from, with packages that are fetched and whose SHA-256 digest is that of the lock file. What is there and
 * right is kept, so that a preparation that broke off can be repeated. Throws a `SandboxError`.
 */
export async function prepare ({ from, to, names, url, onFile }: Preparation): Promise<LockedPackage[]> {
  const packages = withDependencies(lockedPackages(from), names)
  mkdirSync(to, { recursive: true })
  for (const file of CORE) copyFileSync(join(from, file), join(to, file))
  for (const pack of packages) {
    const path = join(to, pack.file_name)
    const isNew = !existsSync(path) || digest(readFileSync(path)) !== pack.sha256
    if (isNew) {
      const bytes = await fetched(new URL(pack.file_name, url), pack)
      // In its place as a whole or not at all.
      writeFileSync(`${path}.new`, bytes)
      renameSync(`${path}.new`, path)
    }
    onFile?.(pack, isNew)
  }
  return packages
}

async function fetched (url: URL, { name, sha256 }: LockedPackage): Promise<Buffer> {
  let bytes: Buffer
  try {
    const response = await fetch(url)
    if (!response.ok) throw new Error(`it was answered with ${response.status}`)
    bytes = Buffer.from(await response.arrayBuffer())
  } catch (error) {
    const { message, cause } = error as Error
    throw new SandboxError(`The package ${name} cannot be fetched from ${url.href}: ${cause instanceof Error && cause.message !== '' ? cause.message : message}.`)
  }
  const actual = digest(bytes)
  if (actual !== sha256) throw new SandboxError(`What ${url.href} gives for ${name} is not what Pyodide was made with: its SHA-256 digest is ${actual}, and should be ${sha256}. Nothing of it was kept.`)
  return bytes
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

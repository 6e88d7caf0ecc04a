import { existsSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'

/** Of the process, or of the whole system. */
const CODES = new Set(['EMFILE', 'ENFILE'])
/** What Node says of a module that it could not read. */
const NOT_LOADED = new Set(['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'ERR_UNSUPPORTED_DIR_IMPORT'])

/**
 * One sentence for the operator of a process that has no descriptor left for another file or connection: what the limit is, and how it is
 * raised. Undefined when that is not why something failed, as far as the error and its causes say.
 */
export function descriptorsUsedUp (error: unknown): string | undefined {
  const seen = new Set<unknown>()
  for (let at = error; typeof at === 'object' && at !== null && !seen.has(at); at = (at as { cause?: unknown }).cause) {
    seen.add(at)
    const { code, message } = at as { code?: unknown, message?: unknown }
    if (CODES.has(String(code)) || /\bE[MN]FILE\b/.test(String(message)) || (NOT_LOADED.has(String(code)) && isThere(String(message)))) return sentence()
  }
  return undefined
}

/** Node takes a package whose files it could not open for one that is missing, or for a folder. */
function isThere (message: string): boolean {
  const path = /'([^']+)'/.exec(message)?.[1]
  if (path === undefined || !isAbsolute(path)) return false
  const folder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? path : dirname(path)
  // Any folder can be imported by mistake; that of a package has this file in it.
  return (folder !== path && existsSync(path)) || existsSync(join(folder, 'package.json'))
}

function sentence (): string {
  const limit = softLimit()
  return `The process has as many files and connections open as it may${limit === undefined ? '' : ` (${limit})`}: raise the limit of descriptors to 1024 or more, with "ulimit -n", LimitNOFILE= of systemd or --ulimit nofile= of Docker.`
}

/** What `ulimit -n` says of this process. */
function softLimit (): string | undefined {
  try {
    const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } }
    const soft = userLimits?.open_files?.soft
    return soft === undefined ? undefined : String(soft)
  } catch {
    return undefined
  }
}

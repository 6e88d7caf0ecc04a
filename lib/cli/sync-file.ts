import { closeSync, fsyncSync, openSync } from 'node:fs'

/** Returns once the file is on the disk: the operator may delete what it was made from as soon as the command ends. */
export function syncFile (path: string): void {
  const file = openSync(path, 'r+')
  fsyncSync(file)
  closeSync(file)
}

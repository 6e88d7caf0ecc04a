import { createReadStream } from 'node:fs'
import { truncate } from 'node:fs/promises'
import { recordName, type Resume } from './export.js'
import type { Line } from './lines.js'
import { readLines } from './read-lines.js'

export interface BrokenExport {
  /** Undefined when nothing of it is of use: begin anew. */
  resume: Resume | undefined
  /** Records that are in it. */
  records: number
}

/**
 * Finds the point up to which an interrupted export is complete, and truncates what is partial: part of a line, bytes whose
 * record is missing.
 */
export async function reopenExport (path: string): Promise<BrokenExport> {
  let resume: { place: Resume['place'], seen: Set<string> } | undefined
  let records = 0
  let end = 0
  for await (const { text, end: offset, isWhole } of readLines(createReadStream(path))) {
    const line = isWhole ? parse(text) : undefined
    if (line === undefined) break
    if (line.object === 'openai_compat.bytes') continue
    if (line.object === 'openai_compat.place') resume = { place: line, seen: new Set() }
    if (line.object === 'openai_compat.record') {
      resume?.seen.add(recordName(line))
      records++
    }
    end = offset
  }
  await truncate(path, resume === undefined ? 0 : end)
  return { resume, records: resume === undefined ? 0 : records }
}

function parse (text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as Line
    return line.object.startsWith('openai_compat.') ? line : undefined
  } catch {
    return undefined
  }
}

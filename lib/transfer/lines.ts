/**
 * The format of an export: one JSON object a line. Every line says by itself where it belongs, so that a bad one spoils
 * nothing but itself.
 */

/** The first line. */
export interface HeaderLine {
  object: 'openai_compat.export'
  version: 1
  /** Unix seconds. */
  created_at: number
}

/** Where in the walk through the store what follows was found: `export --resume` goes on from the last one. */
export interface PlaceLine {
  object: 'openai_compat.place'
  project: string
  /** Of the project in the index of projects; 0 for the default one, which comes first. */
  project_position: number
  section: SectionName
  partition: string
  /** Of the partition in its index; 0 where a section is one partition. */
  position: number
}

/** In the order in which they are exported: what is referred to comes first. */
export const SECTIONS = ['assistants', 'files', 'vector_stores', 'threads', 'usage'] as const
export type SectionName = typeof SECTIONS[number]

/** A record as the store has it: the bodies of assistants, threads, messages, runs, steps and files are the API's objects. */
export interface RecordLine {
  object: 'openai_compat.record'
  project: string
  partition: string
  kind: string
  id: string
  /** Absent without one. */
  parent?: string
  position: number
  body: unknown
  /** A later state of a record that has come before: the run it belongs to went on during the export. */
  again?: true
}

/** A stretch of a file's bytes. All of a file's stand together, in order, before its record; the last one says `end`. */
export interface BytesLine {
  object: 'openai_compat.bytes'
  project: string
  id: string
  offset: number
  /** Base64. */
  data: string
  end?: true
}

export type Line = HeaderLine | PlaceLine | RecordLine | BytesLine

/** What is wrong with a line, in words for the author of the file. */
export class BadLineError extends Error {
  override name = 'BadLineError'
}

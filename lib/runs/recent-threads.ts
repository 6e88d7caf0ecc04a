/** Of each project. */
const MOST_THREADS = 50
const MOST_PROJECTS = 1000

/**
 * The threads in which runs have begun or stopped last on this instance. Threads are listed by their age, and runs thread by thread: the run of
 * an old thread would be found on no early page. Kept in memory: it is where to look first, and no index.
 */
export class RecentThreads {
  /** By project, the latest last, as are its threads. */
  readonly #projects = new Map<string, Set<string>>()

  add (project: string, threadId: string): void {
    const threads = this.#projects.get(project) ?? new Set<string>()
    this.#projects.delete(project)
    this.#projects.set(project, threads)
    threads.delete(threadId)
    threads.add(threadId)
    dropFirst(threads, MOST_THREADS)
    dropFirst(this.#projects, MOST_PROJECTS)
  }

  /** The latest first. */
  of (project: string): string[] {
    return [...this.#projects.get(project) ?? []].reverse()
  }

  forget (project: string): void {
    this.#projects.delete(project)
  }
}

/** Sets and maps keep the order of insertion. */
function dropFirst (entries: Set<string> | Map<string, unknown>, most: number): void {
  for (const name of entries.keys()) {
    if (entries.size <= most) return
    entries.delete(name)
  }
}

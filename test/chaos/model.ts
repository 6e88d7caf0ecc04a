/** How the server can have failed. */
export type Kind = 'lost' | 'twice' | 'stuck' | 'amiss'

export interface Finding {
  kind: Kind
  what: string
}

export interface ThreadFacts {
  /** Texts of the user that were acknowledged. */
  messages: Set<string>
  /** Texts that were sent; without an answer they may be there or not, but not twice. */
  sent: Set<string>
  /** Runs that were acknowledged, with the last status that was told. */
  runs: Map<string, string>
}

export interface FileFacts {
  name: string
  /** A word that stands in no other file. */
  word: string
  content: string
}

/** What clients were told in a round: this has to be there afterwards, once. */
export class Model {
  readonly threads = new Map<string, ThreadFacts>()
  /** By id. */
  readonly files = new Map<string, FileFacts>()
  /** Contents by name of all files that were sent, acknowledged or not. */
  readonly sentFiles = new Map<string, string>()
  /** Ids of files in the round's vector store. */
  readonly attached = new Set<string>()
  /** Files whose removal was asked for; whether they are there is open until that is acknowledged. */
  readonly leaving = new Set<string>()
  readonly gone = new Set<string>()
  readonly findings: Finding[] = []
  /** Searches, and answers to them. */
  searches = 0

  thread (id: string): ThreadFacts {
    const facts: ThreadFacts = { messages: new Set(), sent: new Set(), runs: new Map() }
    this.threads.set(id, facts)
    return facts
  }

  found (kind: Kind, what: string): void {
    this.findings.push({ kind, what })
  }

  get acknowledged (): number {
    let count = this.threads.size + this.files.size + this.attached.size
    for (const { messages, runs } of this.threads.values()) count += messages.size + runs.size
    return count
  }
}

/** Statuses that a run does not leave by itself. */
export const ENDED: readonly string[] = ['completed', 'failed', 'cancelled', 'expired', 'incomplete']

import type { StoredAssistant, StoredFile, StoredThread, ThreadStorage } from '../../storage/thread-storage/thread-storage.js'

/** A storage as a user would write it: the twelve methods over three maps of JSON. */
export class MapStorage implements ThreadStorage {
  readonly threads = new Map<string, string>()
  readonly assistants = new Map<string, string>()
  readonly files = new Map<string, StoredFile>()

  async saveThread (id: string, thread: StoredThread) { this.threads.set(id, JSON.stringify(thread)) }
  async loadThread (id: string) { return parse<StoredThread>(this.threads.get(id)) }
  async deleteThread (id: string) { return this.threads.delete(id) }
  async listThreads () { return [...this.threads.values()].map(text => parse<StoredThread>(text)!) }

  async saveAssistant (id: string, assistant: StoredAssistant) { this.assistants.set(id, JSON.stringify(assistant)) }
  async loadAssistant (id: string) { return parse<StoredAssistant>(this.assistants.get(id)) }
  async deleteAssistant (id: string) { return this.assistants.delete(id) }
  async listAssistants () { return [...this.assistants.values()].map(text => parse<StoredAssistant>(text)!) }

  async saveFile (id: string, file: StoredFile) { this.files.set(id, file) }
  async loadFile (id: string) { return this.files.get(id) ?? null }
  async deleteFile (id: string) { return this.files.delete(id) }
  async listFiles () { return [...this.files.values()] }
}

function parse<T> (text: string | undefined): T | null {
  return text === undefined ? null : JSON.parse(text) as T
}

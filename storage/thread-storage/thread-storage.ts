import type { Assistant } from '../../schemas/assistants.js'
import type { Message } from '../../schemas/messages.js'
import type { Thread } from '../../schemas/threads.js'

/** A thread with all its messages, oldest first: one document of a custom storage. */
export interface StoredThread {
  thread: Thread
  messages: Message[]
}

/**
 * An assistant as a custom storage sees it. `created_at` in unix seconds. The keys beyond these eight are the
 * rest of the wire object and have to be kept.
 */
export interface StoredAssistant extends Partial<Omit<Assistant, 'temperature'>> {
  id: string
  name: string | null
  model: string
  instructions: string | null
  tools: Assistant['tools']
  metadata: Record<string, string>
  temperature?: number
  created_at: number
}

/** A file with its bytes. `created_at` in unix seconds. */
export interface StoredFile {
  id: string
  content: Buffer
  filename: string
  created_at: number
}

/**
 * The public contract for a storage of one's own: twelve methods and two optional ones. Our own classes
 * implement it too, above the record contract, which serves them better.
 */
export interface ThreadStorage {
  saveThread (id: string, thread: StoredThread): Promise<void>
  /** The thread with its messages, or null. */
  loadThread (id: string): Promise<StoredThread | null>
  /** Whether it existed. */
  deleteThread (id: string): Promise<boolean>
  listThreads (): Promise<StoredThread[]>

  saveAssistant (id: string, assistant: StoredAssistant): Promise<void>
  loadAssistant (id: string): Promise<StoredAssistant | null>
  deleteAssistant (id: string): Promise<boolean>
  listAssistants (): Promise<StoredAssistant[]>

  saveFile (id: string, file: StoredFile): Promise<void>
  loadFile (id: string): Promise<StoredFile | null>
  deleteFile (id: string): Promise<boolean>
  listFiles (): Promise<StoredFile[]>

  connect? (): Promise<void>
  disconnect? (): Promise<void>
}

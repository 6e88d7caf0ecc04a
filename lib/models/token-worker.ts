/** The thread in which `countTexts` has texts counted: a long one blocks it, and not the server. */
import { parentPort } from 'node:worker_threads'
import { tokenCounter } from './tokens.js'

export interface CountCall {
  id: number
  texts: string[]
  /** Counting stops with the text that takes the sum above it. */
  atMost: number
}

export interface CountReply {
  id: number
  /** Of the texts that were reached; the last of them above `atMost` when counting has stopped. */
  counts: number[]
}

const port = parentPort
if (port === null) throw new Error('this module runs in a worker thread')

port.on('message', ({ id, texts, atMost }: CountCall) => {
  tokenCounter().then(count => {
    const counts: number[] = []
    let left = atMost
    for (const text of texts) {
      if (left < 0) break
      const tokens = count(text, left)
      left -= tokens
      counts.push(tokens)
    }
    port.postMessage({ id, counts } satisfies CountReply)
  }, (error: unknown) => { throw error })
})

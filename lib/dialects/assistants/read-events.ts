import type { StreamEvent } from '../../../schemas/stream-events.js'
import type { EventLog } from '../../runs/events/event-log.js'

/** The events as objects, up to and with the first `done`: what an in-process reader wants. */
export async function * readEvents (log: EventLog, from: number, signal: AbortSignal): AsyncGenerator<StreamEvent, void, undefined> {
  for await (const batch of log.follow(from, signal)) {
    for (const { event, data } of batch) {
      yield { event, data: event === 'done' ? data : JSON.parse(data) } as StreamEvent
      if (event === 'done') return
    }
  }
}

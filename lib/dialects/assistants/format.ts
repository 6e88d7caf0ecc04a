import { jsonLine } from '../../shared/event-stream.js'
import type { EventFormat } from '../../runs/dialect.js'

/** `done` with `[DONE]` ends a stretch (API reference, "Streaming"); all other payloads are JSON. */
export const EVENT_FORMAT: EventFormat = {
  endsStretch: event => event === 'done',
  serialise: ({ event, data }) => event === 'done' ? data as string : jsonLine(data)
}

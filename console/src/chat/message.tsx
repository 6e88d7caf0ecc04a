import type { ComponentChild } from 'preact'
import { useState } from 'preact/hooks'
import type { Message, Step } from '../api.js'
import { Markdown } from '../markdown.js'
import { hrefTo } from '../router.js'
import { Icon, IconButton } from '../ui/icon.js'
import { copy } from '../ui/parts.js'
import { Activity } from './activity.js'
import { CitationDialog, type Cited } from './citation.js'
import { FileImage } from './file-image.js'

export interface MessageViewProps {
  message: Message
  /** Of the run that wrote it, for the first of its messages. */
  steps: readonly Step[]
  isWriting: boolean
  onEdit: (() => void) | undefined
}

export function MessageView ({ message, steps, isWriting, onEdit }: MessageViewProps) {
  const [cited, setCited] = useState<Cited>()
  const isUser = message.role === 'user'
  const plain = message.content.map(part => part.type === 'text' ? part.text.value : part.type === 'refusal' ? part.refusal : '').join('\n')
  return (
    <article class={`message ${message.role}`} aria-label={isUser ? 'You' : 'Assistant'} aria-busy={isWriting}>
      <Activity steps={steps} />
      <div class='message-body'>
        {message.content.map((part, index) => <Part key={index} part={part} message={message} onCite={setCited} />)}
        {isWriting && <span class='caret' aria-hidden='true' />}
        {(message.attachments ?? []).map(({ file_id: id }) => id === undefined ? null : <a key={id} class='chip' href={hrefTo('data', 'files', id)}><Icon name='file' />{id}</a>)}
      </div>
      {message.incomplete_details !== null && message.incomplete_details !== undefined && <p class='quiet'>Ended early: {message.incomplete_details.reason.replaceAll('_', ' ')}.</p>}
      <div class='message-actions'>
        <IconButton name='copy' label='Copy text' onClick={() => { void copy(plain) }} />
        {onEdit !== undefined && <IconButton name='edit' label='Edit and run again' onClick={onEdit} />}
        {message.run_id !== null && <a class='button small' href={hrefTo('runs', message.thread_id, message.run_id)}>Run</a>}
      </div>
      {cited !== undefined && <CitationDialog cited={cited} onClose={() => setCited(undefined)} />}
    </article>
  )
}

function Part ({ part, message, onCite }: { part: Message['content'][number], message: Message, onCite: (cited: Cited) => void }) {
  switch (part.type) {
    case 'text': {
      const cite = citations(part, message, onCite)
      // What a person typed is shown as it was typed.
      return message.role === 'user' ? <p class='typed'>{part.text.value}</p> : <Markdown text={part.text.value} inline={cite} />
    }
    case 'image_file': return <FileImage fileId={part.image_file.file_id} />
    // Nothing is fetched from elsewhere.
    case 'image_url': return part.image_url.url.startsWith('data:image/') ? <img class='picture' src={part.image_url.url} alt='From the user' /> : <p class='typed'>{part.image_url.url}</p>
    case 'refusal': return <p class='refusal'>{part.refusal}</p>
    default: return null
  }
}

/** Makes buttons of the markers in a text. */
function citations (part: Message['content'][number] & { type: 'text' }, message: Message, onCite: (cited: Cited) => void): (text: string) => ComponentChild {
  const markers = new Map<string, string>()
  for (const annotation of part.text.annotations) if (annotation.type === 'file_citation') markers.set(annotation.text, annotation.file_citation.file_id)
  const files = [...markers.keys()]
  if (files.length === 0) return text => text
  return text => text.split(/(【[^【】]*】)/).map((piece, index) => {
    const fileId = markers.get(piece)
    if (fileId === undefined) return piece
    const number = files.indexOf(piece) + 1
    const open = () => onCite({ fileId, marker: piece, runId: message.run_id, threadId: message.thread_id })
    return <button key={index} type='button' class='cite' aria-label={`Citation ${number}`} onClick={open}>{number}</button>
  })
}

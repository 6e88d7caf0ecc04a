import type { ComponentChild } from 'preact'
import { memo } from 'preact/compat'
import { useMemo, useState } from 'preact/hooks'
import type { Message, Step } from '../api.js'
import { download } from '../data/files.js'
import { Markdown, type Extras } from '../markdown.js'
import { hrefTo } from '../router.js'
import { IconButton } from '../ui/icon.js'
import { copy } from '../ui/parts.js'
import { attempt } from '../ui/toast.js'
import { Activity } from './activity.js'
import { CitationDialog, type Cited } from './citation.js'
import { FileChip } from './file-chip.js'
import { FileImage } from './file-image.js'

export interface MessageViewProps {
  message: Message
  /** Of the run that wrote it, for the first of its messages. */
  steps: readonly Step[]
  isWriting: boolean
  onEdit: (() => void) | undefined
}

/** Drawn again only when it is another message, and not for every token of one. */
export const MessageView = memo(OneMessage, (old, next) =>
  old.message === next.message && old.steps === next.steps && old.isWriting === next.isWriting && (old.onEdit === undefined) === (next.onEdit === undefined))

function OneMessage ({ message, steps, isWriting, onEdit }: MessageViewProps) {
  const [cited, setCited] = useState<Cited>()
  const isUser = message.role === 'user'
  const plain = message.content.map(part => part.type === 'text' ? part.text.value : part.type === 'refusal' ? part.refusal : '').join('\n')
  return (
    <article class={`message ${message.role}`} aria-label={isUser ? 'You' : 'Assistant'} aria-busy={isWriting}>
      <Activity steps={steps} />
      <div class='message-body'>
        {message.content.map((part, index) => <Part key={index} part={part} message={message} onCite={setCited} />)}
        {isWriting && <span class='caret' aria-hidden='true' />}
        {(message.attachments ?? []).map(({ file_id: id }) => id === undefined ? null : <FileChip key={id} id={id} />)}
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
      // What a person typed is shown as it was typed.
      return message.role === 'user' ? <p class='typed' dir='auto'>{part.text.value}</p> : <Answer part={part} message={message} onCite={onCite} />
    }
    case 'image_file': return <FileImage fileId={part.image_file.file_id} />
    // Nothing is fetched from elsewhere.
    case 'image_url': return part.image_url.url.startsWith('data:image/') ? <img class='picture' src={part.image_url.url} alt='From the user' /> : <p class='typed' dir='auto'>{part.image_url.url}</p>
    case 'refusal': return <p class='refusal' dir='auto'>{part.refusal}</p>
    default: return null
  }
}

type TextPart = Message['content'][number] & { type: 'text' }

function Answer ({ part: { text }, message, onCite }: { part: TextPart, message: Message, onCite: (cited: Cited) => void }) {
  // Annotations come at the end, and one by one: only then is what was drawn before another.
  const extras = useMemo(() => extrasOf(text.annotations, message, onCite), [text.annotations.length])
  return <Markdown text={text.value} extras={extras} />
}

/** Buttons for the markers of citations, and for links to files that code has made. */
function extrasOf (annotations: TextPart['text']['annotations'], message: Message, onCite: (cited: Cited) => void): Extras {
  const markers = new Map<string, string>()
  const paths = new Map<string, string>()
  for (const annotation of annotations) {
    if (annotation.type === 'file_citation') markers.set(annotation.text, annotation.file_citation.file_id)
    if (annotation.type === 'file_path') paths.set(annotation.text, annotation.file_path.file_id)
  }
  const files = [...markers.keys()]
  const cite = (piece: string, index: number): ComponentChild => {
    const fileId = markers.get(piece)
    if (fileId === undefined) return piece
    const number = files.indexOf(piece) + 1
    const open = () => onCite({ fileId, marker: piece, runId: message.run_id, threadId: message.thread_id })
    return <button key={index} type='button' class='cite' aria-label={`Citation ${number}`} onClick={open}>{number}</button>
  }
  return {
    inline: text => files.length === 0 ? text : text.split(/(【[^【】]*】)/).map(cite),
    link: (href, text) => {
      const fileId = paths.get(href) ?? paths.get(decoded(href))
      return fileId === undefined ? undefined : <button type='button' class='link' onClick={() => { void attempt(async () => await download(fileId)) }}>{text}</button>
    }
  }
}

/** Markdown wants some characters of an address encoded that the annotation has as they are. */
function decoded (href: string): string {
  try {
    return decodeURI(href)
  } catch {
    return href
  }
}

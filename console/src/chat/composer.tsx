import { useEffect, useRef, useState } from 'preact/hooks'
import { bytes } from '../format.js'
import { Icon, IconButton } from '../ui/icon.js'
import type { Attachment } from './conversation.js'

const IMAGES: readonly string[] = ['image/png', 'image/jpeg', 'image/gif', 'image/webp']

export interface Draft { text: string, attachments: Attachment[] }

export interface ComposerProps {
  /** Put into the field when it changes. */
  draft: Draft
  isActive: boolean
  /** Why nothing can be written now. */
  hindrance: string | undefined
  onSend: (text: string, attachments: Attachment[]) => Promise<boolean>
  onStop: () => void
}

/** Where a message is written: Enter sends, Shift with Enter begins a line, files can be dropped on it. */
export function Composer ({ draft, isActive, hindrance, onSend, onStop }: ComposerProps) {
  const isDisabled = hindrance !== undefined
  const [text, setText] = useState(draft.text)
  const [attachments, setAttachments] = useState(draft.attachments)
  const [isOver, setOver] = useState(false)
  const picker = useRef<HTMLInputElement>(null)
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    setText(draft.text)
    setAttachments(draft.attachments)
    if (draft.text !== '') field.current?.focus()
  }, [draft])
  const attach = (files: FileList | null | undefined): void =>
    setAttachments(old => [...old, ...[...files ?? []].map(file => ({ name: file.name, size: file.size, isImage: IMAGES.includes(file.type), source: file }))])
  const isEmpty = text.trim() === '' && attachments.length === 0
  const send = async (): Promise<void> => {
    if (isEmpty || isActive || isDisabled) return
    const sent = { text, attachments }
    setText('')
    setAttachments([])
    if (await onSend(sent.text.trim(), sent.attachments)) return
    setText(sent.text)
    setAttachments(sent.attachments)
  }
  return (
    <form
      class={isOver ? 'composer over' : 'composer'}
      onSubmit={event => { event.preventDefault(); void send() }}
      onDragOver={event => { event.preventDefault(); setOver(true) }}
      onDragLeave={() => setOver(false)}
      onDrop={event => { event.preventDefault(); setOver(false); attach(event.dataTransfer?.files) }}
    >
      {attachments.length > 0 && (
        <ul class='chips' aria-label='Attached files'>
          {attachments.map((attachment, index) => (
            <li key={index} class='chip'>
              <Icon name='file' /><span class='chip-name' dir='auto'>{attachment.name}</span>{attachment.size !== undefined && <span class='quiet'>{bytes(attachment.size)}</span>}
              <IconButton name='close' label={`Remove ${attachment.name}`} onClick={() => setAttachments(attachments.filter(other => other !== attachment))} />
            </li>
          ))}
        </ul>
      )}
      <div class='composer-row'>
        <input ref={picker} type='file' multiple hidden onChange={event => { attach(event.currentTarget.files); event.currentTarget.value = '' }} />
        <IconButton name='clip' label='Attach files' onClick={() => picker.current?.click()} disabled={isDisabled} />
        <textarea
          ref={field}
          rows={1}
          aria-label='Message'
          placeholder={hindrance ?? 'Write a message'}
          dir='auto'
          disabled={isDisabled}
          value={text}
          onInput={event => setText(event.currentTarget.value)}
          onPaste={event => { if ((event.clipboardData?.files.length ?? 0) > 0) { event.preventDefault(); attach(event.clipboardData?.files) } }}
          onKeyDown={event => {
            if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
            event.preventDefault()
            void send()
          }}
        />
        {isActive
          ? <button type='button' class='button primary icon-button' aria-label='Stop' title='Stop' onClick={onStop}><Icon name='stop' /></button>
          : <button type='submit' class='button primary icon-button' aria-label='Send' title='Send' disabled={isEmpty || isDisabled}><Icon name='send' /></button>}
      </div>
    </form>
  )
}

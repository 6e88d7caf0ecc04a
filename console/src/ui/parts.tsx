import { useId, useState } from 'preact/hooks'
import type { ComponentChildren } from 'preact'
import { words } from '../format.js'
import { IconButton } from './icon.js'
import { attempt } from './toast.js'

const TONES: Record<string, string> = {
  completed: 'good', processed: 'good', in_progress: 'busy', queued: 'busy', requires_action: 'wait', cancelling: 'wait', incomplete: 'wait', failed: 'bad', expired: 'bad', cancelled: 'plain'
}

/** A status in a colour, and in words for those who do not see it. */
export function Status ({ of }: { of: string }) {
  return <span class={`status ${TONES[of] ?? 'plain'}`}>{words(of)}</span>
}

export function Field ({ label, hint, children }: { label: string, hint?: string, children: (id: string, describedBy: string | undefined) => ComponentChildren }) {
  const id = useId()
  return (
    <div class='field'>
      <label for={id}>{label}</label>
      {children(id, hint === undefined ? undefined : `${id}-hint`)}
      {hint !== undefined && <p class='hint' id={`${id}-hint`}>{hint}</p>}
    </div>
  )
}

export async function copy (text: string): Promise<void> {
  await attempt(async () => {
    // Browsers give a clipboard to pages of this machine and of TLS only.
    if (isSecureContext) await navigator.clipboard.writeText(text)
    else if (!copySelected(text)) throw new Error('The browser does not let this page copy.')
  }, 'Copied.')
}

function copySelected (text: string): boolean {
  const onCopy = (event: ClipboardEvent): void => {
    event.preventDefault()
    event.clipboardData?.setData('text/plain', text)
  }
  document.addEventListener('copy', onCopy)
  try {
    return document.execCommand('copy')
  } finally {
    document.removeEventListener('copy', onCopy)
  }
}

export function Code ({ text, label }: { text: string, label: string }) {
  return (
    <div class='code'>
      <IconButton name='copy' label={`Copy ${label}`} onClick={() => { void copy(text) }} />
      <pre tabIndex={0} aria-label={label}>{text}</pre>
    </div>
  )
}

export function Id ({ of }: { of: string }) {
  return <code class='id' title={of}>{of}</code>
}

/** More of a list: the button that asks for it. */
export function More ({ onClick }: { onClick: () => Promise<unknown> }) {
  const [isBusy, setBusy] = useState(false)
  return <button type='button' class='button more' disabled={isBusy} onClick={() => { setBusy(true); void onClick().finally(() => setBusy(false)) }}>Show more</button>
}

export function Facts ({ rows }: { rows: readonly (readonly [string, ComponentChildren])[] }) {
  return <dl class='facts'>{rows.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
}

/** Offers bytes as a file to be kept. */
export function save (name: string, content: BlobPart, type = 'application/octet-stream'): void {
  const url = URL.createObjectURL(new Blob([content], { type }))
  Object.assign(document.createElement('a'), { href: url, download: name }).click()
  URL.revokeObjectURL(url)
}

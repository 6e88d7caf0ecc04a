import * as dialog from '@zag-js/dialog'
import { normalizeProps, useMachine } from '@zag-js/preact'
import { signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { IconButton } from './icon.js'
import { Portal } from './portal.js'

export interface DialogProps {
  title: string
  onClose: () => void
  children: ComponentChildren
  /** At the side and as high as the window, to read in; else in the middle. */
  side?: boolean
  alert?: boolean
  /** Whether a click beside it leaves it open: something was typed that would be lost. */
  keeps?: boolean
}

/** Shown as long as it is there: what opens it renders it. */
export function Dialog ({ title, onClose, children, side = false, alert = false, keeps = false }: DialogProps) {
  const service = useMachine(dialog.machine, {
    id: useId(), open: true, role: alert ? 'alertdialog' : 'dialog', closeOnInteractOutside: !keeps && !alert, onOpenChange: ({ open }) => { if (!open) onClose() }
  })
  const api = dialog.connect(service, normalizeProps)
  return (
    <Portal>
      <div {...api.getBackdropProps()} class='backdrop' />
      <div {...api.getPositionerProps()} class={side ? 'positioner side' : 'positioner'}>
        <div {...api.getContentProps()} class={side ? 'dialog drawer' : 'dialog'}>
          <header class='dialog-head'>
            <h2 {...api.getTitleProps()}>{title}</h2>
            <IconButton name='close' label='Close' onClick={onClose} />
          </header>
          <div class='dialog-body' tabIndex={0}>{children}</div>
        </div>
      </div>
    </Portal>
  )
}

interface Question { title: string, text: string, action: string, answer: (yes: boolean) => void }
const question = signal<Question | undefined>(undefined)

/** Asks before what cannot be undone. */
export async function confirmed (title: string, text: string, action: string): Promise<boolean> {
  return await new Promise(resolve => { question.value = { title, text, action, answer: resolve } })
}

export function Confirmation () {
  const asked = question.value
  if (asked === undefined) return null
  const answer = (yes: boolean) => { question.value = undefined; asked.answer(yes) }
  return (
    <Dialog title={asked.title} alert onClose={() => answer(false)}>
      <p>{asked.text}</p>
      <div class='actions'>
        <button type='button' class='button' onClick={() => answer(false)}>Cancel</button>
        <button type='button' class='button danger' onClick={() => answer(true)}>{asked.action}</button>
      </div>
    </Dialog>
  )
}

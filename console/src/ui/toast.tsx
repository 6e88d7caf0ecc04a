import * as toast from '@zag-js/toast'
import { normalizeProps, useMachine } from '@zag-js/preact'
import { useId } from 'preact/hooks'
import { explain } from '../api.js'
import { IconButton } from './icon.js'

const store = toast.createStore({ placement: 'bottom-end', max: 4, overlap: false })

export const notify = (title: string): void => { store.create({ title, type: 'info', duration: 4000 }) }
export const notifyError = (error: unknown): void => { store.create({ title: explain(error), type: 'error', duration: 10_000 }) }

/** Does what may fail, and says so when it does. */
export async function attempt (work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work()
    if (done !== undefined) notify(done)
    return true
  } catch (error) {
    notifyError(error)
    return false
  }
}

function Toast ({ options, index, parent }: { options: toast.Options, index: number, parent: toast.GroupService }) {
  const service = useMachine(toast.machine, { ...options, parent, index } as never)
  const api = toast.connect(service, normalizeProps)
  return (
    <div {...api.getRootProps()} class={`toast ${api.type}`}>
      <p {...api.getTitleProps()}>{api.title as string}</p>
      <IconButton name='close' label='Dismiss' onClick={() => api.dismiss()} />
    </div>
  )
}

export function Toaster () {
  const service = useMachine(toast.group.machine, { id: useId(), store })
  const api = toast.group.connect(service, normalizeProps)
  return (
    <div {...api.getGroupProps()} class='toasts'>
      {api.getToasts().map((options, index) => <Toast key={options.id} options={options} index={index} parent={service} />)}
    </div>
  )
}

import * as tabs from '@zag-js/tabs'
import { normalizeProps, useMachine } from '@zag-js/preact'
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'

export interface Tab { value: string, label: string, content: () => ComponentChildren }

/** @param value which is shown, and `onChange` what happens when another is asked for; without them the tabs keep it themselves. */
export function Tabs ({ label, items, value, onChange }: { label: string, items: readonly Tab[], value?: string, onChange?: (value: string) => void }) {
  const service = useMachine(tabs.machine, {
    id: useId(), translations: { listLabel: label }, ...value === undefined ? { defaultValue: items[0]!.value } : { value }, onValueChange: ({ value }) => onChange?.(value)
  })
  const api = tabs.connect(service, normalizeProps)
  const list = useRef<HTMLDivElement>(null)
  // On a phone the tabs are wider than the window.
  useEffect(() => { list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' }) }, [api.value])
  return (
    <div {...api.getRootProps()} class='tabs'>
      <div {...api.getListProps()} ref={list} class='tab-list'>
        {items.map(tab => <button key={tab.value} {...api.getTriggerProps({ value: tab.value })} class='tab'>{tab.label}</button>)}
      </div>
      {items.map(tab => (
        <div key={tab.value} {...api.getContentProps({ value: tab.value })} class='tab-content'>{api.value === tab.value && tab.content()}</div>
      ))}
    </div>
  )
}

import * as menu from '@zag-js/menu'
import { normalizeProps, useMachine } from '@zag-js/preact'
import { useId } from 'preact/hooks'
import { Icon, type IconName } from './icon.js'
import { Portal } from './portal.js'

export interface MenuItem { value: string, label: string, icon: IconName, danger?: boolean, act: () => void }

export function Menu ({ label, items }: { label: string, items: readonly MenuItem[] }) {
  const service = useMachine(menu.machine, {
    id: useId(), 'aria-label': label, positioning: { placement: 'bottom-end' }, onSelect: ({ value }) => items.find(item => item.value === value)?.act()
  })
  const api = menu.connect(service, normalizeProps)
  return (
    <>
      <button {...api.getTriggerProps()} class='button icon-button' aria-label={label} title={label}><Icon name='more' /></button>
      {api.open && (
        <Portal>
          <div {...api.getPositionerProps()}>
            <ul {...api.getContentProps()} class='menu'>
              {items.map(({ value, label, icon, danger = false }) => (
                <li key={value} {...api.getItemProps({ value })} class={danger ? 'menu-item danger' : 'menu-item'}><Icon name={icon} />{label}</li>
              ))}
            </ul>
          </div>
        </Portal>
      )}
    </>
  )
}

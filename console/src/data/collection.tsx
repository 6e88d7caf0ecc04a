import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { confirmed } from '../ui/dialog.js'
import { Icon } from '../ui/icon.js'
import { Empty, Loadable, useLoad } from '../ui/load.js'
import { Menu, type MenuItem } from '../ui/menu.js'
import { More } from '../ui/parts.js'
import { attempt } from '../ui/toast.js'

export interface Page<T> { data: T[], after: string | undefined }

export interface CollectionProps<T extends { id: string }> {
  /** Of one of them, in lower case. */
  noun: string
  list: (after: string | undefined) => Promise<Page<T>>
  /** Asked for anew when they change. */
  deps?: readonly unknown[]
  columns: readonly { name: string, number?: boolean, cell: (item: T) => ComponentChildren }[]
  /** One by its id; rejects when there is none. */
  find: (id: string) => Promise<T>
  /** Without it they cannot be deleted. */
  remove?: (item: T) => Promise<unknown>
  /** What is lost with it. */
  loss?: string
  actions?: (item: T, reload: () => Promise<void>) => MenuItem[]
  create?: ComponentChildren
  filter?: ComponentChildren
  href: (item: T) => string
}

/** A list of the API as a table: to look through, to find by id, to delete from. */
export function Collection<T extends { id: string }> ({ noun, list, deps = [], columns, find, remove, loss = '', actions, create, filter, href }: CollectionProps<T>) {
  const [id, setId] = useState('')
  const [extra, setExtra] = useState<Page<T>>()
  const loaded = useLoad(async () => {
    setExtra(undefined)
    return id.trim() === '' ? await list(undefined) : { data: [await find(id.trim())], after: undefined }
  }, [id, ...deps])
  const rows = [...loaded.data?.data ?? [], ...extra?.data ?? []]
  const next = extra === undefined ? loaded.data?.after : extra.after
  const more = async (): Promise<void> => {
    await attempt(async () => {
      const page = await list(next)
      setExtra({ data: [...extra?.data ?? [], ...page.data], after: page.after })
    })
  }
  const drop = async (item: T): Promise<void> => {
    if (!await confirmed(`Delete this ${noun}?`, `${item.id} is deleted. ${loss}`, 'Delete')) return
    await attempt(async () => await remove?.(item), 'Deleted.')
    // Where it failed, it may be because another tab was faster.
    await loaded.reload()
  }
  return (
    <>
      <div class='toolbar'>
        <div class='search'><Icon name='search' /><input class='input' type='search' aria-label={`Find a ${noun} by its id`} placeholder='Find by id' value={id} onChange={event => setId(event.currentTarget.value)} onInput={event => { if (event.currentTarget.value === '') setId('') }} /></div>
        {filter}
        <div class='actions'>{create}<button type='button' class='button' onClick={() => { void loaded.reload() }}><Icon name='retry' />Refresh</button></div>
      </div>
      <Loadable from={loaded}>
        {() => rows.length === 0
          ? <Empty title={`No ${noun} here`} />
          : (
            <div class='table-wrap' tabIndex={0} role='group' aria-label={`List of each ${noun}`}>
              <table class='list'>
                <thead><tr>{columns.map(({ name, number }) => <th key={name} scope='col' class={number === true ? 'number' : ''}>{name}</th>)}<th scope='col'><span class='hidden'>Actions</span></th></tr></thead>
                <tbody>
                  {rows.map(item => (
                    <tr key={item.id}>
                      {columns.map(({ name, number, cell }, index) => (
                        <td key={name} class={number === true ? 'number' : ''}>{index === 0 ? <a class='row-link' dir='auto' href={href(item)}>{cell(item)}</a> : <div class='cell'>{cell(item)}</div>}</td>
                      ))}
                      <td class='row-actions'>
                        <Actions
                          id={item.id} items={[
                            ...actions?.(item, loaded.reload) ?? [],
                            ...remove === undefined ? [] : [{ value: 'delete', label: 'Delete', icon: 'trash', danger: true, act: () => { void drop(item) } } as const]
                          ]}
                        />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            )}
      </Loadable>
      {next !== undefined && <More onClick={more} />}
    </>
  )
}

const Actions = ({ id, items }: { id: string, items: MenuItem[] }) => items.length === 0 ? null : <Menu label={`Actions for ${id}`} items={items} />

/** A page of the official client. */
export const pageOf = <T extends { id: string }>({ data, has_more: hasMore }: { data: T[], has_more: boolean }): Page<T> =>
  ({ data, after: hasMore ? data.at(-1)?.id : undefined })

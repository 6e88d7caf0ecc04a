import type { ComponentChildren } from 'preact'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { explain } from '../api.js'
import { hrefTo } from '../router.js'
import { Icon } from './icon.js'

export interface Loaded<T> { data: T | undefined, error: string | undefined, isLoading: boolean, reload: () => Promise<void> }

/** What `load` brings, anew when `deps` change. An answer that comes after a later question is dropped. */
export function useLoad<T> (load: () => Promise<T>, deps: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data?: T, error?: string, isLoading: boolean }>({ isLoading: true })
  const turn = useRef(0)
  const ask = async (isRefresh: boolean): Promise<void> => {
    const mine = ++turn.current
    setState(({ data }) => ({ ...data === undefined ? {} : { data }, isLoading: true }))
    try {
      const data = await load()
      if (mine === turn.current) setState({ data, isLoading: false })
    } catch (error) {
      // What cannot be refreshed is still what was there last.
      if (mine === turn.current) setState(({ data }) => ({ ...isRefresh && data !== undefined ? { data } : {}, error: explain(error), isLoading: false }))
    }
  }
  const reload = useCallback(async () => await ask(true), deps)
  useEffect(() => {
    void ask(false)
    return () => { turn.current++ }
  }, deps)
  return { data: state.data, error: state.error, isLoading: state.isLoading, reload }
}

/** What stands in for data that is not there, or the data. */
export function Loadable<T> ({ from, children }: { from: Loaded<T>, children: (data: T) => ComponentChildren }) {
  if (from.data === undefined && from.error === undefined) return <p class='quiet' role='status'>Loading…</p>
  return (
    <>
      {from.error !== undefined && <div class='failed'><Problem text={from.error} /><Retry onClick={async () => await from.reload()} /></div>}
      {from.data !== undefined && children(from.data)}
    </>
  )
}

export function Retry ({ onClick }: { onClick: () => Promise<unknown> }) {
  return <button type='button' class='button' onClick={() => { void onClick() }}><Icon name='retry' />Try again</button>
}

export function NoPage () {
  return <Empty title='There is no such page'><p><a href={hrefTo('chat')}>Chat</a></p></Empty>
}

export function Problem ({ text }: { text: string }) {
  return <p class='problem' role='alert'>{text}</p>
}

export function Empty ({ title, children }: { title: string, children?: ComponentChildren }) {
  return <div class='empty'><h2>{title}</h2>{children}</div>
}

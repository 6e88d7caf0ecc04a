import type { ComponentChildren } from 'preact'
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { explain } from '../api.js'

export interface Loaded<T> { data: T | undefined, error: string | undefined, isLoading: boolean, reload: () => Promise<void> }

/** What `load` brings, anew when `deps` change. An answer that comes after a later question is dropped. */
export function useLoad<T> (load: () => Promise<T>, deps: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data?: T, error?: string, isLoading: boolean }>({ isLoading: true })
  const turn = useRef(0)
  const reload = useCallback(async () => {
    const mine = ++turn.current
    setState(({ data }) => ({ ...data === undefined ? {} : { data }, isLoading: true }))
    try {
      const data = await load()
      if (mine === turn.current) setState({ data, isLoading: false })
    } catch (error) {
      if (mine === turn.current) setState({ error: explain(error), isLoading: false })
    }
  }, deps)
  useEffect(() => { void reload() }, [reload])
  return { data: state.data, error: state.error, isLoading: state.isLoading, reload }
}

/** What stands in for data that is not there, or the data. */
export function Loadable<T> ({ from, children }: { from: Loaded<T>, children: (data: T) => ComponentChildren }) {
  if (from.error !== undefined) return <Problem text={from.error} />
  if (from.data === undefined) return <p class='quiet' role='status'>Loading…</p>
  return <>{children(from.data)}</>
}

export function Problem ({ text }: { text: string }) {
  return <p class='problem' role='alert'>{text}</p>
}

export function Empty ({ title, children }: { title: string, children?: ComponentChildren }) {
  return <div class='empty'><h2>{title}</h2>{children}</div>
}

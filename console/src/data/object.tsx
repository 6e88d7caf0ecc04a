import { client, retrieveUpload } from '../api.js'
import { pretty } from '../format.js'
import { hrefTo } from '../router.js'
import { Loadable, useLoad } from '../ui/load.js'
import { Code, Id } from '../ui/parts.js'

type ObjectKind = 'assistants' | 'threads' | 'files' | 'uploads'

const RETRIEVE: Record<ObjectKind, (id: string) => Promise<object>> = {
  assistants: async id => await client.value.beta.assistants.retrieve(id),
  threads: async id => {
    const { beta: { threads } } = client.value
    const [thread, messages] = await Promise.all([threads.retrieve(id), Array.fromAsync(threads.messages.list(id, { limit: 100, order: 'asc' }))])
    return { thread, messages }
  },
  files: async id => await client.value.files.retrieve(id),
  uploads: retrieveUpload
}

export const isObjectKind = (kind: string): kind is ObjectKind => Object.hasOwn(RETRIEVE, kind)

/** One object as the API shows it. */
export function ObjectDetail ({ kind, id }: { kind: ObjectKind, id: string }) {
  const loaded = useLoad(async () => await RETRIEVE[kind](id), [kind, id])
  return (
    <div class='page'>
      <p class='crumbs'><a href={hrefTo('data', kind)}>{kind.charAt(0).toUpperCase() + kind.slice(1)}</a></p>
      <header class='page-head'>
        <h1><Id of={id} /></h1>
        {kind === 'threads' && <div class='actions'><a class='button primary' href={hrefTo('chat', id)}>Open in chat</a></div>}
      </header>
      <Loadable from={loaded}>{object => <Code text={pretty(object)} label={id} />}</Loadable>
    </div>
  )
}

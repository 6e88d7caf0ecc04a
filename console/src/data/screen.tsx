import { go, route } from '../router.js'
import { NoPage } from '../ui/load.js'
import { Tabs } from '../ui/tabs.js'
import { Assistants } from './assistants.js'
import { Files } from './files.js'
import { isObjectKind, ObjectDetail } from './object.js'
import { Threads } from './threads.js'
import { Uploads } from './uploads.js'
import { VectorStoreDetail } from './vector-store.js'
import { VectorStores } from './vector-stores.js'

export function DataScreen () {
  const [, kind = 'assistants', id] = route.value
  if (kind !== 'vector-stores' && !isObjectKind(kind)) return <NoPage />
  if (id !== undefined) return kind === 'vector-stores' ? <VectorStoreDetail key={id} id={id} /> : <ObjectDetail key={id} kind={kind} id={id} />
  return (
    <div class='page'>
      <h1>Data</h1>
      <Tabs
        label='Kinds of data' value={kind} onChange={value => go('data', value)} items={[
          { value: 'assistants', label: 'Assistants', content: () => <Assistants /> },
          { value: 'threads', label: 'Threads', content: () => <Threads /> },
          { value: 'files', label: 'Files', content: () => <Files /> },
          { value: 'uploads', label: 'Uploads', content: () => <Uploads /> },
          { value: 'vector-stores', label: 'Vector stores', content: () => <VectorStores /> }
        ]}
      />
    </div>
  )
}

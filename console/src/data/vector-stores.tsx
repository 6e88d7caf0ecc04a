import { useState } from 'preact/hooks'
import { client, type VectorStore } from '../api.js'
import { bytes, count, nameOr, when } from '../format.js'
import { hrefTo } from '../router.js'
import { Dialog } from '../ui/dialog.js'
import { Icon } from '../ui/icon.js'
import { Field, Id, Status } from '../ui/parts.js'
import { attempt } from '../ui/toast.js'
import { Collection, pageOf } from './collection.js'

export function VectorStores () {
  const [isNew, setNew] = useState(false)
  const [name, setName] = useState('')
  const [version, setVersion] = useState(0)
  const create = async (event: Event): Promise<void> => {
    event.preventDefault()
    if (!await attempt(async () => await client.value.vectorStores.create({ name }))) return
    setNew(false)
    setVersion(version + 1)
  }
  return (
    <>
      <Collection<VectorStore>
        noun='vector store'
        deps={[version]}
        list={async after => pageOf(await client.value.vectorStores.list({ limit: 50, ...after === undefined ? {} : { after } }))}
        find={async id => await client.value.vectorStores.retrieve(id)}
        remove={async ({ id }) => await client.value.vectorStores.delete(id)}
        loss='Its files stay, but are no longer searched.'
        href={({ id }) => hrefTo('data', 'vector-stores', id)}
        create={<button type='button' class='button primary' onClick={() => { setName(''); setNew(true) }}><Icon name='plus' />New vector store</button>}
        columns={[
          { name: 'Name', cell: ({ name, id }) => nameOr(name, id) },
          { name: 'Status', cell: ({ status }) => <Status of={status} /> },
          { name: 'Files', number: true, cell: ({ file_counts: files }) => `${count(files.completed)} of ${count(files.total)}` },
          { name: 'Size', number: true, cell: ({ usage_bytes: size }) => bytes(size) },
          { name: 'Id', cell: ({ id }) => <Id of={id} /> },
          { name: 'Made', cell: ({ created_at: at }) => when(at) }
        ]}
      />
      {isNew && (
        <Dialog title='New vector store' keeps onClose={() => setNew(false)}>
          <form class='form' onSubmit={event => { void create(event) }}>
            <Field label='Name'>{id => <input id={id} class='input' required value={name} onInput={event => setName(event.currentTarget.value)} />}</Field>
            <div class='actions'><button type='button' class='button' onClick={() => setNew(false)}>Cancel</button><button type='submit' class='button primary'>Create</button></div>
          </form>
        </Dialog>
      )}
    </>
  )
}

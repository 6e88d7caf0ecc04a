import { useRef, useState } from 'preact/hooks'
import { client, type FileObject } from '../api.js'
import { bytes, nameOr, when } from '../format.js'
import { hrefTo } from '../router.js'
import { Icon } from '../ui/icon.js'
import { Id, save } from '../ui/parts.js'
import { attempt } from '../ui/toast.js'
import { Collection, pageOf } from './collection.js'

export async function download (id: string): Promise<void> {
  const [{ filename }, content] = await Promise.all([client.value.files.retrieve(id), client.value.files.content(id)])
  save(filename, await content.blob())
}

export function Files () {
  const picker = useRef<HTMLInputElement>(null)
  const [version, setVersion] = useState(0)
  const upload = async (files: readonly File[]): Promise<void> => {
    await attempt(async () => {
      for (const file of files) await client.value.files.create({ file, purpose: file.type.startsWith('image/') ? 'vision' : 'assistants' })
    }, 'Uploaded.')
    setVersion(version + 1)
  }
  return (
    <>
      <input ref={picker} type='file' multiple hidden onChange={event => { void upload([...event.currentTarget.files ?? []]); event.currentTarget.value = '' }} />
      <Collection<FileObject>
        noun='file'
        deps={[version]}
        list={async after => pageOf(await client.value.files.list({ limit: 50, order: 'desc', ...after === undefined ? {} : { after } }))}
        find={async id => await client.value.files.retrieve(id)}
        remove={async ({ id }) => await client.value.files.delete(id)}
        loss='It is removed from every vector store.'
        href={({ id }) => hrefTo('data', 'files', id)}
        create={<button type='button' class='button primary' onClick={() => picker.current?.click()}><Icon name='plus' />Upload</button>}
        actions={file => [{ value: 'download', label: 'Download', icon: 'down', act: () => { void attempt(async () => await download(file.id)) } }]}
        columns={[
          { name: 'Name', cell: ({ filename, id }) => nameOr(filename, id) },
          { name: 'Purpose', cell: ({ purpose }) => purpose.replaceAll('_', ' ') },
          { name: 'Size', number: true, cell: ({ bytes: size }) => bytes(size) },
          { name: 'Id', cell: ({ id }) => <Id of={id} /> },
          { name: 'Made', cell: ({ created_at: at }) => when(at) }
        ]}
      />
    </>
  )
}

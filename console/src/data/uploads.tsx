import { client, listUploads, retrieveUpload, type Upload } from '../api.js'
import { bytes, nameOr, when } from '../format.js'
import { hrefTo } from '../router.js'
import { confirmed } from '../ui/dialog.js'
import { Id, Status } from '../ui/parts.js'
import { attempt } from '../ui/toast.js'
import { Collection, pageOf } from './collection.js'

async function cancel ({ id, filename }: Upload): Promise<boolean> {
  if (!await confirmed('Cancel this upload?', `${nameOr(filename, 'It')} (${id}) takes no further parts, and those that were sent are removed.`, 'Cancel upload')) return false
  return await attempt(async () => await client.value.uploads.cancel(id), 'Cancelled.')
}

/** Files that are sent in parts: those under way, and those of the last day that have ended. */
export function Uploads () {
  return (
    <Collection<Upload>
      noun='upload'
      list={async after => pageOf(await listUploads({ limit: 50, order: 'desc', ...after === undefined ? {} : { after } }))}
      find={retrieveUpload}
      href={({ id }) => hrefTo('data', 'uploads', id)}
      actions={(upload, reload) => upload.status === 'pending'
        ? [{ value: 'cancel', label: 'Cancel', icon: 'trash', danger: true, act: () => { void cancel(upload).then(async done => { if (done) await reload() }) } }]
        : []}
      columns={[
        { name: 'Name', cell: ({ filename, id }) => nameOr(filename, id) },
        { name: 'Status', cell: ({ status }) => <Status of={status} /> },
        { name: 'Purpose', cell: ({ purpose }) => purpose.replaceAll('_', ' ') },
        { name: 'Size', number: true, cell: ({ bytes: size }) => bytes(size) },
        { name: 'Id', cell: ({ id }) => <Id of={id} /> },
        { name: 'Made', cell: ({ created_at: at }) => when(at) }
      ]}
    />
  )
}

import { useState } from 'preact/hooks'
import { client, type Assistant } from '../api.js'
import { nameOr, when } from '../format.js'
import { hrefTo } from '../router.js'
import { Icon } from '../ui/icon.js'
import { Id } from '../ui/parts.js'
import { AssistantForm } from './assistant-form.js'
import { Collection, pageOf } from './collection.js'

export function Assistants () {
  const [form, setForm] = useState<{ assistant?: Assistant }>()
  const [version, setVersion] = useState(0)
  return (
    <>
      <Collection<Assistant>
        noun='assistant'
        deps={[version]}
        list={async after => pageOf(await client.value.beta.assistants.list({ limit: 50, ...after === undefined ? {} : { after } }))}
        find={async id => await client.value.beta.assistants.retrieve(id)}
        remove={async ({ id }) => await client.value.beta.assistants.delete(id)}
        loss='Threads and runs stay.'
        href={({ id }) => hrefTo('data', 'assistants', id)}
        create={<button type='button' class='button primary' onClick={() => setForm({})}><Icon name='plus' />New assistant</button>}
        actions={assistant => [{ value: 'edit', label: 'Edit', icon: 'edit', act: () => setForm({ assistant }) }]}
        columns={[
          { name: 'Name', cell: ({ name, id }) => nameOr(name, id) },
          { name: 'Model', cell: ({ model }) => model },
          { name: 'Tools', cell: ({ tools }) => tools.map(tool => tool.type === 'function' ? tool.function.name : tool.type.replaceAll('_', ' ')).join(', ') || '–' },
          { name: 'Id', cell: ({ id }) => <Id of={id} /> },
          { name: 'Made', cell: ({ created_at: at }) => when(at) }
        ]}
      />
      {form !== undefined && <AssistantForm assistant={form.assistant} onClose={() => setForm(undefined)} onSaved={() => { setForm(undefined); setVersion(version + 1) }} />}
    </>
  )
}

import type OpenAI from 'openai'
import { useEffect, useRef, useState } from 'preact/hooks'
import { client } from '../api.js'
import { bytes, count, nameOr, when } from '../format.js'
import { fileName } from '../chat/file-chip.js'
import { hrefTo } from '../router.js'
import { confirmed, Dialog } from '../ui/dialog.js'
import { Icon, IconButton } from '../ui/icon.js'
import { Empty, Loadable, Problem, useLoad } from '../ui/load.js'
import { Facts, Id, More, Status } from '../ui/parts.js'
import { attempt } from '../ui/toast.js'

type Result = OpenAI.VectorStores.VectorStoreSearchResponse
/** How often the progress of indexing is looked at. */
const LOOK_MS = 1000
/** Of a list of files. */
const PAGE = 50

export function VectorStoreDetail ({ id }: { id: string }) {
  const picker = useRef<HTMLInputElement>(null)
  const [opened, setOpened] = useState<{ fileId: string, name: string }>()
  const names = useRef(new Map<string, string>())
  // As many as were asked for are there again when their progress is looked at.
  const wanted = useRef(PAGE)
  const loaded = useLoad(async () => {
    const { vectorStores } = client.value
    const files: OpenAI.VectorStores.VectorStoreFile[] = []
    const [store] = await Promise.all([vectorStores.retrieve(id), (async () => {
      for await (const file of vectorStores.files.list(id, { limit: PAGE })) if (files.push(file) === wanted.current) break
    })()])
    await Promise.all(files.map(async file => names.current.has(file.id) || names.current.set(file.id, await fileName(file.id))))
    return { store, files: files.map(file => ({ ...file, name: names.current.get(file.id)! })) }
  }, [id])
  const isIndexing = (loaded.data?.store.file_counts.in_progress ?? 0) > 0
  useEffect(() => {
    if (!isIndexing) return
    const timer = setInterval(() => { void loaded.reload() }, LOOK_MS)
    return () => clearInterval(timer)
  }, [isIndexing])
  const remove = async (fileId: string, name: string): Promise<void> => {
    if (!await confirmed('Remove this file?', `${name} is not searched any more in this vector store. The file itself stays.`, 'Remove')) return
    await attempt(async () => await client.value.vectorStores.files.delete(fileId, { vector_store_id: id }))
    await loaded.reload()
  }
  const add = async (list: readonly File[]): Promise<void> => {
    await attempt(async () => {
      for (const file of list) {
        const { id: fileId } = await client.value.files.create({ file, purpose: 'assistants' })
        await client.value.vectorStores.files.create(id, { file_id: fileId })
      }
    })
    await loaded.reload()
  }
  return (
    <div class='page'>
      <p class='crumbs'><a href={hrefTo('data', 'vector-stores')}>Vector stores</a></p>
      <Loadable from={loaded}>
        {({ store, files }) => (
          <>
            <header class='page-head'>
              <h1 dir='auto'>{nameOr(store.name, 'Vector store')} <Status of={store.status} /></h1>
              <div class='actions'>
                <input ref={picker} type='file' multiple hidden onChange={event => { void add([...event.currentTarget.files ?? []]); event.currentTarget.value = '' }} />
                <button type='button' class='button primary' onClick={() => picker.current?.click()}><Icon name='plus' />Add files</button>
              </div>
            </header>
            <Facts rows={[['Id', <Id of={store.id} />], ['Size', bytes(store.usage_bytes)], ['Made', when(store.created_at)], ['Last used', when(store.last_active_at)]]} />
            {isIndexing && <label class='progress'>Indexing {count(store.file_counts.total - store.file_counts.in_progress)} of {count(store.file_counts.total)}<progress max={store.file_counts.total} value={store.file_counts.total - store.file_counts.in_progress} /></label>}
            <Search storeId={id} />
            <h2>Files</h2>
            {files.length === 0 && <Empty title='No files yet'><p>Add some: they are cut into passages that assistants can search.</p></Empty>}
            <ul class='rows'>
              {files.map(file => (
                <li key={file.id} class='row'>
                  <button type='button' class='link' dir='auto' onClick={() => setOpened({ fileId: file.id, name: file.name })} disabled={file.status !== 'completed'}>{file.name}</button>
                  <Status of={file.status} />
                  <span class='quiet'>{bytes(file.usage_bytes)}</span>
                  <IconButton name='trash' label={`Remove ${file.name}`} onClick={() => { void remove(file.id, file.name) }} />
                  {file.last_error !== null && <Problem text={file.last_error.message} />}
                </li>
              ))}
            </ul>
            {files.length < store.file_counts.total && <More onClick={async () => { wanted.current += PAGE; await loaded.reload() }} />}
          </>
        )}
      </Loadable>
      {opened !== undefined && <Chunks storeId={id} {...opened} onClose={() => setOpened(undefined)} />}
    </div>
  )
}

function Search ({ storeId }: { storeId: string }) {
  const [query, setQuery] = useState('')
  const [results, setResults] = useState<Result[]>()
  const search = async (event: Event): Promise<void> => {
    event.preventDefault()
    await attempt(async () => setResults((await client.value.vectorStores.search(storeId, { query, max_num_results: 20 })).data))
  }
  return (
    <section aria-label='Search'>
      <form class='toolbar' role='search' onSubmit={event => { void search(event) }}>
        <div class='search grow'><Icon name='search' /><input class='input' type='search' aria-label='Search these files' placeholder='Search these files' required value={query} onInput={event => setQuery(event.currentTarget.value)} /></div>
        <button type='submit' class='button'>Search</button>
      </form>
      {results !== undefined && <p class='quiet' role='status'>{results.length === 1 ? '1 passage' : `${results.length} passages`}</p>}
      <ol class='results'>
        {results?.map((result, index) => (
          <li key={index}>
            <p class='result-head'><strong dir='auto'>{nameOr(result.filename, result.file_id)}</strong><span class='score'>{result.score.toFixed(2)}</span></p>
            {result.content.map((part, n) => <p key={n} class='passage' dir='auto'>{part.text}</p>)}
          </li>
        ))}
      </ol>
    </section>
  )
}

/** What became of a file: the text in its pieces. */
function Chunks ({ storeId, fileId, name, onClose }: { storeId: string, fileId: string, name: string, onClose: () => void }) {
  const chunks = useLoad(async () => (await client.value.vectorStores.files.content(fileId, { vector_store_id: storeId })).data, [fileId])
  return (
    <Dialog title={name} side onClose={onClose}>
      <Loadable from={chunks}>
        {parts => <ol class='results'>{parts.map((part, index) => <li key={index}><p class='result-head'><strong>Part {index + 1}</strong><span class='quiet'>{count(part.text?.length)} characters</span></p><p class='passage' dir='auto'>{part.text}</p></li>)}</ol>}
      </Loadable>
    </Dialog>
  )
}

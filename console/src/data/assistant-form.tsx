import type OpenAI from 'openai'
import { useId, useState } from 'preact/hooks'
import { client, explain, type Assistant } from '../api.js'
import { nameOr, pretty } from '../format.js'
import { Dialog } from '../ui/dialog.js'
import { Problem, useLoad } from '../ui/load.js'
import { Field } from '../ui/parts.js'

type Tool = OpenAI.Beta.AssistantTool
const EXAMPLE = '[{ "name": "get_weather", "parameters": { "type": "object", "properties": { "city": { "type": "string" } } } }]'

/** A new assistant, or the changes of one. */
export function AssistantForm ({ assistant, onClose, onSaved }: { assistant?: Assistant | undefined, onClose: () => void, onSaved: (assistant: Assistant) => void }) {
  const models = useLoad(async () => (await client.value.models.list()).data.map(({ id }) => id), [])
  const stores = useLoad(async () => (await client.value.vectorStores.list({ limit: 100 })).data, [])
  const list = useId()
  // What is typed stays when the lists arrive late.
  const [model, setModel] = useState(assistant?.model)
  const [store, setStore] = useState(assistant?.tool_resources?.file_search?.vector_store_ids?.[0] ?? '')
  const [error, setError] = useState<string>()
  const [isBusy, setBusy] = useState(false)
  const has = (type: string): boolean => assistant?.tools.some(tool => tool.type === type) ?? false
  const functions = assistant?.tools.flatMap(tool => tool.type === 'function' ? tool.function : []) ?? []
  const format = assistant?.response_format ?? 'auto'
  const [kind, setKind] = useState(typeof format === 'string' || format === null ? 'auto' : format.type)
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    setBusy(true)
    try {
      const body = read(form, assistant)
      onSaved(assistant === undefined ? await client.value.beta.assistants.create(body) : await client.value.beta.assistants.update(assistant.id, body))
    } catch (error) {
      setError(explain(error))
      setBusy(false)
    }
  }
  return (
    <Dialog title={assistant === undefined ? 'New assistant' : 'Edit assistant'} keeps onClose={onClose}>
      <form class='form' onSubmit={event => { void submit(event) }}>
        {error !== undefined && <Problem text={error} />}
        <div class='pair'>
          <Field label='Name'>{id => <input id={id} name='name' class='input' maxLength={256} defaultValue={assistant?.name ?? ''} />}</Field>
          <Field label='Model'>
            {id => (
              <>
                <input id={id} name='model' class='input' required list={list} autocomplete='off' value={model ?? models.data?.[0] ?? ''} onInput={event => setModel(event.currentTarget.value)} />
                <datalist id={list}>{models.data?.map(model => <option key={model} value={model} />)}</datalist>
              </>
            )}
          </Field>
        </div>
        <Field label='Instructions'>{id => <textarea id={id} name='instructions' class='input' rows={5} defaultValue={assistant?.instructions ?? ''} />}</Field>
        <fieldset>
          <legend>Tools</legend>
          <label class='check'><input type='checkbox' name='file_search' defaultChecked={has('file_search')} />Search in files</label>
          <label class='check'><input type='checkbox' name='code_interpreter' defaultChecked={has('code_interpreter')} />Run code</label>
        </fieldset>
        <Field label='Vector store' hint='What file search looks into, beside the files of a thread.'>
          {(id, hint) => (
            <select id={id} name='store' class='input' aria-describedby={hint} value={store} onChange={event => setStore(event.currentTarget.value)}>
              <option value=''>None</option>
              {store !== '' && stores.data?.some(({ id }) => id === store) !== true && <option value={store}>{store}</option>}
              {stores.data?.map(({ id, name }) => <option key={id} value={id}>{nameOr(name, id)}</option>)}
            </select>
          )}
        </Field>
        <Field label='Functions' hint='A JSON list of name, description and parameters.'>
          {(id, hint) => <textarea id={id} name='functions' class='input mono' rows={3} aria-describedby={hint} placeholder={EXAMPLE} defaultValue={functions.length === 0 ? '' : pretty(functions)} />}
        </Field>
        <div class='pair'>
          <Field label='Response format'>
            {id => (
              <select id={id} name='format' class='input' value={kind} onChange={event => setKind(event.currentTarget.value as typeof kind)}>
                <option value='auto'>Automatic</option><option value='text'>Text</option><option value='json_object'>JSON</option><option value='json_schema'>JSON by schema</option>
              </select>
            )}
          </Field>
          <Field label='Temperature'>{id => <input id={id} name='temperature' class='input' type='number' min={0} max={2} step='0.1' defaultValue={String(assistant?.temperature ?? 1)} />}</Field>
        </div>
        {kind === 'json_schema' && (
          <Field label='Schema' hint='{ "name": "…", "schema": { … } }'>
            {(id, hint) => <textarea id={id} name='schema' class='input mono' rows={4} required aria-describedby={hint} defaultValue={typeof format === 'object' && format?.type === 'json_schema' ? pretty(format.json_schema) : ''} />}
          </Field>
        )}
        <div class='actions'>
          <button type='button' class='button' onClick={onClose}>Cancel</button>
          <button type='submit' class='button primary' disabled={isBusy}>{assistant === undefined ? 'Create' : 'Save'}</button>
        </div>
      </form>
    </Dialog>
  )
}

/** Throws a sentence for a field that cannot be read. */
function read (form: FormData, assistant: Assistant | undefined): OpenAI.Beta.AssistantCreateParams {
  const text = (name: string): string => String(form.get(name) ?? '').trim()
  const old = assistant?.tools ?? []
  const built = (['file_search', 'code_interpreter'] as const).filter(type => form.has(type))
  const tools: Tool[] = [
    // With their own options, and those that the form does not know.
    ...old.filter(({ type }) => type !== 'function' && (built.some(name => name === type) || !['file_search', 'code_interpreter'].includes(type))),
    ...built.filter(type => !old.some(tool => tool.type === type)).map(type => ({ type })),
    ...functionsOf(text('functions')).map(definition => ({ type: 'function' as const, function: definition }))
  ]
  const store = text('store')
  const kind = text('format')
  return {
    name: text('name') || null,
    model: text('model'),
    instructions: text('instructions') === '' ? null : lines(form.get('instructions'), assistant?.instructions),
    tools,
    temperature: Number(text('temperature') || 1),
    response_format: kind === 'json_schema' ? { type: kind, json_schema: parsed('Schema', text('schema')) as never } : kind === 'auto' ? 'auto' : { type: kind as 'text' | 'json_object' },
    ...form.has('file_search') ? { tool_resources: { file_search: { vector_store_ids: store === '' ? [] : [store] } } } : {}
  }
}

/** Forms send line ends as Windows has them. */
function lines (value: FormDataEntryValue | null, old: string | null | undefined): string {
  const text = String(value ?? '').replaceAll('\r\n', '\n')
  return text === old?.replaceAll('\r\n', '\n') ? old : text
}

function functionsOf (text: string): OpenAI.FunctionDefinition[] {
  if (text === '') return []
  const value = parsed('Functions', text)
  // A list, one of them alone, or as they stand among tools.
  return [value].flat().map((entry: any) => entry?.type === 'function' ? entry.function : entry)
}

function parsed (field: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${field}: ${(error as Error).message}`)
  }
}

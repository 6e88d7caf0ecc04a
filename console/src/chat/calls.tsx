import { useState } from 'preact/hooks'
import { savedReply, saveReply, type Run } from '../api.js'
import { prettyText } from '../format.js'
import { Code, Field } from '../ui/parts.js'
import { attempt } from '../ui/toast.js'
import type { Conversation } from './conversation.js'

/** The functions that a run waits for: what the model asks, and a field for what each is to return. */
export function CallsForm ({ run, conversation }: { run: Run, conversation: Conversation }) {
  const calls = run.required_action?.submit_tool_outputs.tool_calls ?? []
  const [outputs, setOutputs] = useState<Record<string, string>>(() => Object.fromEntries(calls.map(({ id, function: { name } }) => [id, savedReply(name)])))
  const [keep, setKeep] = useState(() => calls.some(({ function: { name } }) => savedReply(name) !== ''))
  const [isBusy, setBusy] = useState(false)
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    for (const { id, function: { name } } of calls) saveReply(name, keep ? outputs[id] ?? '' : undefined)
    await attempt(async () => await conversation.answer(run, calls.map(({ id }) => ({ tool_call_id: id, output: outputs[id] ?? '' }))))
    setBusy(false)
  }
  return (
    <form class='card calls' onSubmit={event => { void submit(event) }} aria-label='Function calls'>
      <h2>{calls.length === 1 ? 'The model calls a function' : `The model calls ${calls.length} functions`}</h2>
      {calls.map(({ id, function: { name, arguments: args } }) => (
        <section key={id} class='call' aria-label={name}>
          <h3><code>{name}</code></h3>
          <Code text={prettyText(args)} label={`arguments of ${name}`} />
          <Field label={`Output of ${name}`}>
            {field => <textarea id={field} rows={3} class='input mono' value={outputs[id]} onInput={event => setOutputs({ ...outputs, [id]: event.currentTarget.value })} />}
          </Field>
        </section>
      ))}
      <div class='actions spread'>
        <label class='check'><input type='checkbox' checked={keep} onChange={event => setKeep(event.currentTarget.checked)} />Fill in next time</label>
        <div class='actions'>
          <button type='button' class='button' disabled={isBusy} onClick={() => { void attempt(async () => await conversation.stop()) }}>Cancel the run</button>
          <button type='submit' class='button primary' disabled={isBusy}>Submit outputs</button>
        </div>
      </div>
    </form>
  )
}

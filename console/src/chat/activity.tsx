import type OpenAI from 'openai'
import { useState } from 'preact/hooks'
import type { Step } from '../api.js'
import { nameOr, prettyText } from '../format.js'
import { Icon } from '../ui/icon.js'
import { Code } from '../ui/parts.js'
import { FileImage } from './file-image.js'

type Call = OpenAI.Beta.Threads.Runs.ToolCall

/** What the tools of a run did, folded up. */
export function Activity ({ steps }: { steps: readonly Step[] }) {
  const calls = steps.flatMap(({ step_details: details }) => details.type === 'tool_calls' ? details.tool_calls : [])
  if (calls.length === 0) return null
  return <Calls calls={calls} />
}

/** As many as this are shown without being asked for. */
const FEW = 6

export function Calls ({ calls }: { calls: readonly Call[] }) {
  const [isOpen, setOpen] = useState(false)
  const list = <div class='activity'>{calls.map(call => <CallDetails key={call.id} call={call} />)}</div>
  if (calls.length <= FEW) return list
  return (
    <details class='tool' onToggle={event => setOpen(event.currentTarget.open)}>
      <summary><Icon name='tool' />{calls.length} tool calls</summary>
      {isOpen && <div class='tool-body'>{list}</div>}
    </details>
  )
}

export function CallDetails ({ call }: { call: Call }) {
  return (
    <details class='tool'>
      <summary><Icon name={call.type === 'file_search' ? 'search' : 'tool'} />{title(call)}</summary>
      <div class='tool-body'>{body(call)}</div>
    </details>
  )
}

function title (call: Call) {
  if (call.type === 'function') return <>Called <code>{call.function.name}</code></>
  if (call.type === 'code_interpreter') return 'Ran code'
  const found = call.file_search.results?.length ?? 0
  return `Searched files: ${found === 1 ? '1 passage' : `${found} passages`}`
}

function body (call: Call) {
  if (call.type === 'function') {
    return (
      <>
        <Code text={prettyText(call.function.arguments)} label={`arguments of ${call.function.name}`} />
        {call.function.output !== null && call.function.output !== undefined && <Code text={prettyText(call.function.output)} label={`output of ${call.function.name}`} />}
      </>
    )
  }
  if (call.type === 'code_interpreter') {
    return (
      <>
        <Code text={call.code_interpreter.input} label='code' />
        {call.code_interpreter.outputs.map((output, index) => output.type === 'logs'
          ? <Code key={index} text={output.logs} label='logs' />
          : <FileImage key={index} fileId={output.image.file_id} />)}
      </>
    )
  }
  return (
    <ul class='results'>
      {(call.file_search.results ?? []).map((result, index) => (
        <li key={index}>
          <p class='result-head'><strong dir='auto'>{nameOr(result.file_name, result.file_id)}</strong><span class='score'>{result.score.toFixed(2)}</span></p>
          {result.content?.map((part, n) => <p key={n} class='passage clamp' dir='auto'>{part.text}</p>)}
        </li>
      ))}
    </ul>
  )
}

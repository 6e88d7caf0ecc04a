import type OpenAI from 'openai'
import { useEffect, useRef } from 'preact/hooks'
import { client, stepsOf, type Assistant, type Step, type Thread } from '../api.js'
import { nameOr } from '../format.js'
import { Dialog } from '../ui/dialog.js'
import { Loadable, useLoad } from '../ui/load.js'
import { fileName } from './file-chip.js'

/** What a marker in an answer stands for. */
export interface Cited { fileId: string, marker: string, runId: string | null, threadId: string }

interface Source { filename: string, score: number | undefined, passage: string, page: number | undefined, text: string | undefined }

/** The cited passage in its place in the file. */
export function CitationDialog ({ cited, onClose }: { cited: Cited, onClose: () => void }) {
  const source = useLoad(async () => await sourceOf(cited), [cited])
  return (
    <Dialog title={source.data?.filename ?? 'Citation'} side onClose={onClose}>
      <Loadable from={source}>
        {({ score, passage, page, text }) => (
          <>
            {score !== undefined && <p class='quiet'>Found with a score of <strong>{score.toFixed(2)}</strong>{page !== undefined && <>, from page <strong>{page}</strong> on</>}.</p>}
            <Passage text={text ?? passage} passage={passage} />
            {text === undefined && <p class='quiet'>The file itself is not there any more: this is the passage as it was found.</p>}
          </>
        )}
      </Loadable>
    </Dialog>
  )
}

function Passage ({ text, passage }: { text: string, passage: string }) {
  const mark = useRef<HTMLElement>(null)
  useEffect(() => { mark.current?.scrollIntoView({ block: 'center' }) }, [text])
  const at = passage === '' ? -1 : text.indexOf(passage)
  if (at === -1) return <p class='document' dir='auto'>{passage === '' ? text : <mark ref={mark}>{passage}</mark>}</p>
  return <p class='document' dir='auto'>{text.slice(0, at)}<mark ref={mark}>{passage}</mark>{text.slice(at + passage.length)}</p>
}

async function sourceOf ({ fileId, marker, runId, threadId }: Cited): Promise<Source> {
  const steps = runId === null ? [] : await stepsOf(threadId, runId)
  const result = resultOf(steps, fileId, marker)
  const passage = result?.content?.map(({ text }) => text ?? '').join('\n') ?? ''
  const [filename, parts] = await Promise.all([
    result?.file_name ?? fileName(fileId),
    partsOf(fileId, threadId, runId)
  ])
  // Parts do not overlap as passages do, but end where they end.
  const page = parts?.find(({ text = '' }) => text !== '' && passage.endsWith(text))?.page
  return { filename: nameOr(filename, fileId), score: result?.score, passage, page, text: parts?.map(({ text }) => text ?? '').join('\n') }
}

/** `【4:2†name】`: the third result of the run's search. Else the best result of the file. */
function resultOf (steps: readonly Step[], fileId: string, marker: string) {
  const results = steps.flatMap(({ step_details: details }) => details.type === 'tool_calls' ? details.tool_calls : [])
    .flatMap(call => call.type === 'file_search' ? call.file_search.results ?? [] : [])
  const [, index] = /(\d+)†/.exec(marker) ?? []
  const named = index === undefined ? undefined : results[Number(index)]
  return named?.file_id === fileId ? named : results.find(result => result.file_id === fileId)
}

/** A part of a file's text, with the page that it begins on, which is this server's own. */
type FilePart = OpenAI.VectorStores.FileContentResponse & { page?: number }

/** The text of the file, from whichever vector store of thread or assistant has it. */
async function partsOf (fileId: string, threadId: string, runId: string | null): Promise<FilePart[] | undefined> {
  const { beta, vectorStores } = client.value
  const thread = await beta.threads.retrieve(threadId).catch(() => undefined)
  const assistantId = runId === null ? undefined : (await beta.threads.runs.retrieve(runId, { thread_id: threadId }).catch(() => undefined))?.assistant_id
  const assistant = assistantId === undefined ? undefined : await beta.assistants.retrieve(assistantId).catch(() => undefined)
  const stores = (owner: Thread | Assistant | undefined): string[] => owner?.tool_resources?.file_search?.vector_store_ids ?? []
  for (const id of [...stores(thread), ...stores(assistant)]) {
    const page = await vectorStores.files.content(fileId, { vector_store_id: id }).catch(() => undefined)
    if (page !== undefined) return page.data
  }
  return undefined
}

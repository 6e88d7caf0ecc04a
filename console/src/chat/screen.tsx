import { effect, signal } from '@preact/signals'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { client, explain, key, type Assistant, type Message, type Step } from '../api.js'
import { AssistantForm } from '../data/assistant-form.js'
import { nameOr, words } from '../format.js'
import { go, hrefTo, route } from '../router.js'
import { confirmed } from '../ui/dialog.js'
import { Icon, IconButton } from '../ui/icon.js'
import { Empty, Problem, Retry } from '../ui/load.js'
import { attempt } from '../ui/toast.js'
import { CallsForm } from './calls.js'
import { Composer, type Draft } from './composer.js'
import { Conversation, type Attachment } from './conversation.js'
import { draftOf } from './draft.js'
import { MessageView } from './message.js'
import { loadThreads, ThreadList } from './threads.js'
import { Activity } from './activity.js'

const assistants = signal<Assistant[] | undefined>(undefined)
/** More are not offered to choose from, but go on with their threads. */
const MANY = 1000
const chosen = signal<string | undefined>(undefined)
/** The conversation that was just begun, so that its first answer goes on when the address changes. */
let begun: Conversation | undefined

// Nothing of what one key has shown is there for another.
effect(() => {
  void key.value
  assistants.value = undefined
  chosen.value = undefined
  begun = undefined
})

async function loadAssistants (): Promise<void> {
  const all = []
  for await (const assistant of client.value.beta.assistants.list({ limit: 100 })) if (all.push(assistant) === MANY) break
  assistants.value = all
}

export function ChatScreen () {
  const threadId = route.value[1]
  const [form, setForm] = useState<{ assistant?: Assistant }>()
  const [draft, setDraft] = useState<Draft>({ text: '', attachments: [] })
  const [error, setError] = useState<string>()
  const [gone, setGone] = useState<string>()
  const conversation = useMemo(() => threadId === undefined ? undefined : begun?.id === threadId ? begun : new Conversation(threadId), [threadId])
  useEffect(() => { void attempt(loadAssistants); void loadThreads() }, [])
  const load = async (): Promise<void> => {
    setError(undefined)
    await conversation?.load().catch((problem: unknown) => setError(explain(problem)))
  }
  useEffect(() => {
    if (conversation === undefined) return
    if (conversation !== begun) void load()
    // Another tab may have written meanwhile.
    const look = (): void => { if (!document.hidden && conversation.isLoaded.value && !conversation.isActive.value) void attempt(async () => await conversation.load()) }
    document.addEventListener('visibilitychange', look)
    return () => {
      document.removeEventListener('visibilitychange', look)
      conversation.leave()
      if (begun === conversation) begun = undefined
      setError(undefined)
    }
  }, [conversation])
  // The thread goes on with the assistant that answered last.
  const lastAssistant = conversation?.run.value?.assistant_id
  const isListed = assistants.value?.some(({ id }) => id === lastAssistant)
  useEffect(() => {
    if (lastAssistant === undefined) return
    chosen.value = lastAssistant
    if (isListed === false) void client.value.beta.assistants.retrieve(lastAssistant).then(found => { assistants.value = [...assistants.value ?? [], found] }, () => setGone(lastAssistant))
  }, [lastAssistant, isListed])
  // Until it is known whether there is one by the chosen id, no other one stands in.
  const isAwaited = chosen.value !== undefined && chosen.value === lastAssistant && isListed !== true && gone !== lastAssistant
  const assistant = assistants.value?.find(({ id }) => id === chosen.value) ?? (isAwaited ? undefined : assistants.value?.[0])

  const send = async (text: string, attachments: Attachment[]): Promise<boolean> => await attempt(async () => {
    if (assistant === undefined) return
    let current = conversation
    if (current === undefined) {
      const title = (text === '' ? attachments[0]?.name ?? '' : text).replace(/\s+/g, ' ').slice(0, 80)
      const thread = await client.value.beta.threads.create({ metadata: { title } })
      current = begun = new Conversation(thread.id)
      current.isLoaded.value = true
      go('chat', thread.id)
      void loadThreads()
    }
    await current.send(text, attachments, assistant)
  })

  const waits = conversation?.run.value?.status === 'requires_action'
  const hindrance = assistants.value?.length === 0 ? 'Make an assistant first' : waits ? 'Answer the calls first' : assistant === undefined || (conversation !== undefined && !conversation.isLoaded.value) ? 'Loading…' : undefined
  return (
    <div class={threadId === undefined ? 'chat' : 'chat has-thread'}>
      <aside class='chat-side'>
        <a class='button wide' href={hrefTo('chat')}><Icon name='plus' />New chat</a>
        <ThreadList current={threadId} />
      </aside>
      <section class='chat-main' aria-label='Conversation'>
        <header class='bar'>
          {threadId !== undefined && <a class='button icon-button only-narrow' href={hrefTo('chat')} aria-label='Back to all chats'><Icon name='back' /></a>}
          <h1 class='hidden'>Chat</h1>
          {assistants.value !== undefined && assistants.value.length > 0 && (
            <>
              <select class='input assistant-select' aria-label='Assistant' value={assistant?.id} onChange={event => { chosen.value = event.currentTarget.value }}>
                {assistants.value.map(({ id, name, model }) => <option key={id} value={id}>{`${nameOr(name, id)} · ${model}`}</option>)}
              </select>
              {assistant !== undefined && <IconButton name='edit' label='Edit assistant' onClick={() => setForm({ assistant })} />}
              <IconButton name='plus' label='New assistant' onClick={() => setForm({})} />
            </>
          )}
        </header>
        <div class='scroller'>
          {assistants.value?.length === 0 && (
            <Empty title='No assistant yet'>
              <p>An assistant is a model with instructions and tools. Make one, and write to it.</p>
              <button type='button' class='button primary' onClick={() => setForm({})}>New assistant</button>
            </Empty>
          )}
          {assistants.value !== undefined && assistants.value.length > 0 && conversation === undefined && (
            <Empty title={`Chat with ${nameOr(assistant?.name, 'your assistant')}`}><p>Write a message, or drop a file here to ask about it.</p></Empty>
          )}
          {error !== undefined && <div class='messages'><Problem text={error} /><Retry onClick={load} /></div>}
          {conversation !== undefined && error === undefined && <Messages conversation={conversation} assistant={assistant} onEdit={setDraft} />}
        </div>
        <Composer
          draft={draft}
          isActive={conversation?.isActive.value ?? false}
          hindrance={hindrance}
          onSend={send}
          onStop={() => { void attempt(async () => await conversation?.stop()) }}
        />
      </section>
      {form !== undefined && (
        <AssistantForm
          assistant={form.assistant}
          onClose={() => setForm(undefined)}
          onSaved={saved => { chosen.value = saved.id; setForm(undefined); void attempt(loadAssistants) }}
        />
      )}
    </div>
  )
}

const NONE: readonly Step[] = []

function Messages ({ conversation, assistant, onEdit }: { conversation: Conversation, assistant: Assistant | undefined, onEdit: (draft: Draft) => void }) {
  const { messages, steps, run } = conversation
  const end = useRef<HTMLDivElement>(null)
  const follows = useRef(true)
  useEffect(() => {
    const scroller = end.current?.closest('.scroller')
    if (scroller === null || scroller === undefined) return
    const note = (): void => { follows.current = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80 }
    scroller.addEventListener('scroll', note, { passive: true })
    return () => scroller.removeEventListener('scroll', note)
  }, [])
  // A reader who has scrolled up stays there.
  useEffect(() => { if (follows.current) end.current?.scrollIntoView({ block: 'end' }) }, [messages.value, steps.value, run.value])
  // What was the first message stays where it is on the screen.
  const earlier = async (): Promise<void> => {
    const scroller = end.current?.closest('.scroller')
    const fromEnd = scroller == null ? 0 : scroller.scrollHeight - scroller.scrollTop
    await attempt(async () => await conversation.loadEarlier(() => requestAnimationFrame(() => { if (scroller != null) scroller.scrollTop = scroller.scrollHeight - fromEnd })))
  }
  const current = run.value
  const seen = new Set<string>()
  const edit = async (message: Message): Promise<void> => {
    if (!await confirmed('Edit this message?', 'It is deleted with everything after it. You can then change it and send it again.', 'Edit')) return
    const draft = await draftOf(message)
    if (await attempt(async () => await conversation.cutFrom(message))) onEdit(draft)
  }
  const rows = messages.value.map(message => {
    const isFirst = message.run_id !== null && !seen.has(message.run_id)
    if (message.run_id !== null) seen.add(message.run_id)
    const mine = isFirst ? steps.value[message.run_id!] ?? NONE : NONE
    const isWriting = conversation.isActive.value && message.status === 'in_progress'
    const editable = message.role === 'user' && !conversation.isActive.value && current?.status !== 'requires_action'
    return <MessageView key={message.id} message={message} steps={mine} isWriting={isWriting} onEdit={editable ? () => { void edit(message) } : undefined} />
  })
  const unseen = current !== undefined && !seen.has(current.id) ? steps.value[current.id] ?? NONE : NONE
  return (
    <div class='messages'>
      {conversation.hasEarlier.value && <button type='button' class='button more' onClick={() => { void earlier() }}>Earlier messages</button>}
      <div role='log' aria-label='Messages' aria-live='polite'>{rows}<Activity steps={unseen} /></div>
      {conversation.isActive.value && (conversation.isLost.value || !messages.value.some(({ status }) => status === 'in_progress')) && <p class='thinking' role='status'>{conversation.isLost.value ? 'The connection was lost. Trying again…' : 'Working…'}</p>}
      {current?.status === 'requires_action' && <CallsForm key={current.required_action?.submit_tool_outputs.tool_calls[0]?.id} run={current} conversation={conversation} />}
      {current !== undefined && (current.status === 'failed' || current.status === 'expired') && (
        <div class='run-failed'>
          <Problem text={current.last_error?.message ?? 'The run expired before it ended.'} />
          {assistant !== undefined && <button type='button' class='button' onClick={() => { void attempt(async () => await conversation.start(assistant)) }}><Icon name='retry' />Run again</button>}
        </div>
      )}
      {current?.status === 'incomplete' && !seen.has(current.id) && <Problem text={`The answer is incomplete: ${words(current.incomplete_details?.reason ?? 'unknown')}.`} />}
      {current?.status === 'cancelled' && <p class='quiet center'>Stopped.</p>}
      <div ref={end} />
    </div>
  )
}

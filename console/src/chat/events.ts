import type OpenAI from 'openai'
import type { Message, Run, Step, StreamEvent } from '../api.js'

/** What is known of a thread while a run goes on in it. */
export interface ThreadState {
  messages: Message[]
  /** By run. */
  steps: Readonly<Record<string, Step[]>>
  run: Run | undefined
}

/** The state after an event. Objects that did not change stay the same objects. */
export function after (state: ThreadState, { event, data }: StreamEvent): ThreadState {
  if (event === 'thread.message.delta') return { ...state, messages: state.messages.map(message => message.id === data.id ? withMessageDelta(message, data.delta) : message) }
  if (event === 'thread.run.step.delta') return withSteps(state, steps => steps.map(step => step.id === data.id ? withStepDelta(step, data.delta) : step))
  if (event.startsWith('thread.message.')) return { ...state, messages: upsert(state.messages, data as Message) }
  if (event.startsWith('thread.run.step.')) return withSteps(state, steps => upsert(steps, data as Step), (data as Step).run_id)
  if (event.startsWith('thread.run.')) return { ...state, run: data as Run }
  return state
}

function upsert<T extends { id: string }> (list: readonly T[], item: T): T[] {
  return list.some(({ id }) => id === item.id) ? list.map(old => old.id === item.id ? item : old) : [...list, item]
}

function withSteps (state: ThreadState, change: (steps: Step[]) => Step[], runId = state.run?.id): ThreadState {
  if (runId === undefined) return state
  return { ...state, steps: { ...state.steps, [runId]: change(state.steps[runId] ?? []) } }
}

function withMessageDelta (message: Message, delta: OpenAI.Beta.Threads.MessageDelta): Message {
  const content: any[] = [...message.content]
  for (const { index, ...part } of delta.content ?? []) {
    const old = content[index]
    if (old?.type === 'text' && part.type === 'text') {
      const annotations = (part.text?.annotations ?? []).map(({ index: _, ...annotation }) => annotation)
      content[index] = { type: 'text', text: { value: old.text.value + (part.text?.value ?? ''), annotations: [...old.text.annotations, ...annotations] } }
    } else if (old?.type === 'refusal' && part.type === 'refusal') {
      content[index] = { type: 'refusal', refusal: old.refusal + (part.refusal ?? '') }
    } else if (part.type === 'text') {
      content[index] = { type: 'text', text: { value: part.text?.value ?? '', annotations: part.text?.annotations ?? [] } }
    } else {
      content[index] = part
    }
  }
  return { ...message, content }
}

function withStepDelta (step: Step, { step_details: details }: OpenAI.Beta.Threads.Runs.RunStepDelta): Step {
  if (details?.type !== 'tool_calls') return step
  const calls: any[] = step.step_details.type === 'tool_calls' ? [...step.step_details.tool_calls] : []
  for (const { index, ...part } of details.tool_calls ?? []) calls[index] = appended(calls[index], part)
  return { ...step, step_details: { type: 'tool_calls', tool_calls: calls } }
}

/** Strings of a delta are appended, objects joined, lists placed by index; ids and types are replaced. */
function appended (old: any, part: any): any {
  if (old === undefined) return part
  const next = { ...old }
  for (const [key, value] of Object.entries<any>(part)) {
    if (key === 'id' || key === 'type' || key === 'name') next[key] = value
    else if (typeof value === 'string') next[key] = (typeof old[key] === 'string' ? old[key] : '') + value
    else if (Array.isArray(value)) next[key] = [...old[key] ?? [], ...value]
    else if (typeof value === 'object' && value !== null) next[key] = appended(old[key] ?? {}, value)
    else next[key] = value
  }
  return next
}

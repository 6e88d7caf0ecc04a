import { ask, ENDED, toItsEnd, type ThreadFacts } from './load.js'

/** Brings the runs of a thread to their end, those that were begun without an acknowledgement too. What is wrong with them, if anything. */
export async function settleThread (baseURL: string, threadId: string, facts: ThreadFacts): Promise<string[]> {
  const problems: string[] = []
  const runs = await ask(baseURL, 'GET', `/threads/${threadId}/runs?limit=100`)
  const listed: any[] = runs?.body.data ?? []
  for (const id of new Set([...facts.runs.keys(), ...listed.map(run => run.id as string)])) {
    const told = facts.runs.get(id)
    if (!await toItsEnd(threadId, facts, id, () => baseURL)) problems.push(`${threadId}: ${id} cannot be brought to its end`)
    if (told !== undefined && ENDED.includes(told) && facts.runs.get(id) !== told) problems.push(`${threadId}: ${id} was ${told} and is ${facts.runs.get(id)}`)
    if (!listed.some(run => run.id === id)) problems.push(`${threadId}: ${id} is not listed`)
  }
  return problems
}

/** What is wrong with a thread whose runs have come to their end; nothing, if all is well. */
export async function checkThread (baseURL: string, threadId: string, facts: ThreadFacts): Promise<string[]> {
  const problems: string[] = []
  const problem = (text: string): void => { problems.push(`${threadId}: ${text}`) }
  const get = async (path: string): Promise<any> => {
    const answer = await ask(baseURL, 'GET', `/threads/${threadId}${path}`)
    if (answer?.status !== 200) problem(`GET ${path} is ${answer?.status ?? 'not answered'}`)
    return answer?.status === 200 ? answer.body : undefined
  }
  if (await get('') === undefined) return problems

  const messages: any[] = (await get('/messages?limit=100&order=asc'))?.data ?? []
  const texts = messages.filter(({ role }) => role === 'user').map(message => message.content[0].text.value as string)
  if (new Set(texts).size !== texts.length) problem(`a message of the user is there twice: ${texts.join(', ')}`)
  const missing = facts.messages.filter(text => !texts.includes(text))
  if (missing.length > 0) problem(`acknowledged messages are missing: ${missing.join(', ')}`)
  const unknown = texts.filter(text => !facts.sent.includes(text))
  if (unknown.length > 0) problem(`messages that nobody sent: ${unknown.join(', ')}`)

  for (const { id, status } of (await get('/runs?limit=100'))?.data ?? []) {
    const steps: any[] = (await get(`/runs/${id}/steps?limit=100&order=asc`))?.data ?? []
    const said = messages.filter(message => message.run_id === id)
    // The model of the soak speaks once in a run and asks at most once.
    if (said.length > 1) problem(`${id} has ${said.length} messages`)
    for (const type of ['message_creation', 'tool_calls']) {
      if (steps.filter(step => step.type === type).length > 1) problem(`${id} has a step of ${type} twice`)
    }
    if (status === 'completed' && said.length !== 1) problem(`${id} completed without its message`)
    if (steps.some(step => step.status === 'in_progress')) problem(`${id} is ${status} and a step of it is not`)
    if (said.some(message => message.status === 'in_progress')) problem(`${id} is ${status} and its message is not`)
  }

  const last = `last ${threadId} ${facts.sent.length}`
  facts.sent.push(last)
  const free = await ask(baseURL, 'POST', `/threads/${threadId}/messages`, { role: 'user', content: last })
  if (free?.status === 200) facts.messages.push(last)
  else problem(`it is locked: ${JSON.stringify(free?.body)}`)
  return problems
}

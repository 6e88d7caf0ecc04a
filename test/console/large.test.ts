import { test } from 'tap'
import { newAssistant, newThread, stopped, type TestServer } from '../helpers/server.js'
import { startUpstream, text, toolCalls } from '../helpers/upstream.js'
import { uploaded } from '../vector-stores/helpers/searcher.js'
import { noBrowser, openConsole } from './helpers/browser.js'

const skip = { skip: noBrowser }

async function threadOf (server: TestServer, messages: number, more = ''): Promise<{ id: string }> {
  const thread = await newThread(server)
  for (let index = 0; index < messages; index++) await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: `Message ${index}.${more}` })
  return thread
}

test('a long answer is drawn a few times a second, not once for every token', skip, async t => {
  const TOKENS = 3000
  const words = Array.from({ length: TOKENS }, (_, index) => index % 12 === 11 ? 'end.\n\n' : 'word ')
  const it = await openConsole(t, { script: [text([...words, 'The last words.'])] })
  const { page, server } = it
  await newAssistant(server, { name: 'Ada' })
  await it.open()
  // What is drawn is what changes in the answer.
  await page.evaluate('globalThis.drawn = []; new MutationObserver(() => { globalThis.drawn.push(performance.now()) }).observe(document.querySelector(\'#app\'), { subtree: true, childList: true, characterData: true })')
  await page.getByLabel('Message', { exact: true }).fill('Write at length')
  await page.keyboard.press('Enter')
  await page.getByText('The last words.').waitFor({ timeout: 120_000 })
  const { drawings, seconds } = await page.evaluate('({ drawings: drawn.length, seconds: (drawn.at(-1) - drawn[0]) / 1000 })') as { drawings: number, seconds: number }
  // Twenty times, and what is drawn when a message begins and ends.
  t.ok(drawings < 22 * seconds + 20, `${drawings} in ${seconds} s`)
})

test('all steps of a run are shown, with what each call was', skip, async t => {
  const CALLS = 130
  const tick = { name: 'tick', description: 'Ticks.', parameters: { type: 'object', properties: {} }, execute: async () => 'ticked' }
  const it = await openConsole(t, {
    tools: [tick], limits: { maxModelTurns: CALLS + 10 }, script: [...Array.from({ length: CALLS }, () => toolCalls([{ name: 'tick', arguments: {} }])), text('Done ticking.')]
  })
  const { page, server } = it
  const assistant = await newAssistant(server, { name: 'Ada', tools: [{ type: 'function', function: { name: 'tick', parameters: { type: 'object', properties: {} } } }] })
  const thread = await newThread(server, 'Tick')
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  t.equal(run.status, 'completed')
  await it.open(`#/runs/${thread.id}/${run.id}`)
  await page.getByRole('list', { name: 'Timeline' }).getByText('Message', { exact: true }).waitFor()
  t.equal(await page.locator('.timeline > li').count(), 1 + CALLS + 1, 'queue, calls and message')
  await it.open(`#/chat/${thread.id}`)
  await page.getByText(`${CALLS} tool calls`).click()
  t.equal(await page.locator('.message .tool .tool').count(), CALLS)
})

test('a thread goes on with the assistant that answered last, among more assistants than a page has', skip, async t => {
  const it = await openConsole(t, { script: [text('One.'), text('Two.')] })
  const { page, server } = it
  const oldest = await newAssistant(server, { name: 'Oldest' })
  for (let index = 0; index < 120; index++) await newAssistant(server, { name: `Newer ${index}` })
  const thread = await newThread(server, 'Hello')
  await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: oldest.id })).body)
  await it.open(`#/chat/${thread.id}`)
  await page.getByText('One.').waitFor()
  await page.getByLabel('Message', { exact: true }).fill('And now?')
  await page.keyboard.press('Enter')
  await page.getByText('Two.').waitFor()
  t.match((await server.get(`/threads/${thread.id}/runs`)).body.data.map((run: any) => run.assistant_id), [oldest.id, oldest.id])
})

test('earlier messages appear above what is being read, which stays where it is', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  const thread = await threadOf(server, 90, ` ${'Lorem ipsum dolor sit amet. '.repeat(6)}`)
  await newAssistant(server)
  await it.open(`#/chat/${thread.id}`)
  await page.getByText('Message 89.').waitFor()
  await page.locator('.scroller').evaluate((element: any) => { element.scrollTop = 0 })
  const first = page.getByText('Message 50.')
  const { y: before } = (await first.boundingBox())!
  await page.getByRole('button', { name: 'Earlier messages' }).click()
  await page.getByText('Message 10.').waitFor({ state: 'attached' })
  const { y: after } = (await first.boundingBox())!
  // The button itself may have gone.
  t.ok(Math.abs(after - before) < 80, `it moved by ${after - before} pixels`)
})

test('all runs can be had: those of older threads, and the older ones of a thread with many', skip, async t => {
  const [THREADS, RUNS] = [52, 22]
  const upstream = await startUpstream(t, { respond: () => text('Hello.') })
  const it = await openConsole(t, { upstream })
  const { page, server } = it
  const assistant = await newAssistant(server, { name: 'Ada' })
  const run = async (threadId: string): Promise<{ id: string }> => await stopped(server, (await server.post(`/threads/${threadId}/runs`, { assistant_id: assistant.id })).body)
  const oldest = await run((await newThread(server, 'Hello')).id)
  // More than are looked at first, by their age or because they had a run lately.
  for (let index = 2; index < THREADS; index++) await run((await newThread(server, 'Hello')).id)
  const { id } = await newThread(server, 'Hello')
  const first = await run(id)
  for (let index = 1; index < RUNS; index++) await run(id)
  await it.open('#/runs')
  const rows = page.locator('.list tbody tr')
  await rows.nth(68).waitFor()
  t.equal(await rows.count(), THREADS - 3 + 20)
  await page.getByRole('button', { name: 'Show more' }).click()
  for (const { id } of [oldest, first]) await page.locator(`a[href$="${id}"]`).waitFor()
  t.equal(await rows.count(), THREADS - 1 + RUNS)
  t.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0)
})

test('a new run in a thread older than those of the first page is the first of all, once', skip, async t => {
  const it = await openConsole(t, { upstream: await startUpstream(t, { respond: () => text('Yes.') }) })
  const { page, server } = it
  const assistant = await newAssistant(server)
  const run = async (threadId: string): Promise<{ id: string }> => await stopped(server, (await server.post(`/threads/${threadId}/runs`, { assistant_id: assistant.id })).body)
  const old = await newThread(server, 'Hello')
  const before = await run(old.id)
  for (let index = 0; index < 60; index++) await newThread(server, 'Later')
  const now = await run(old.id)
  await it.open('#/runs')
  const links = page.getByRole('table').locator('a')
  const shown = async (): Promise<(string | undefined)[]> => (await links.evaluateAll(found => found.map(link => link.getAttribute('href')))).map(href => href?.split('/').at(-1))
  await links.first().waitFor()
  t.strictSame(await shown(), [now.id, before.id])
  await page.getByRole('button', { name: 'Show more' }).click()
  await page.getByRole('button', { name: 'Show more' }).waitFor({ state: 'detached' })
  t.strictSame(await shown(), [now.id, before.id])
})

test('all events of a run can be had, 2,000 more at a time', skip, async t => {
  const it = await openConsole(t, { limits: { logRetentionMs: 3_600_000 }, script: [text([...Array.from({ length: 2500 }, () => 'word '), 'The last words.'])] })
  const { page, server } = it
  const assistant = await newAssistant(server, { name: 'Ada' })
  const thread = await newThread(server, 'Write at length')
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })).body)
  await it.open(`#/runs/${thread.id}/${run.id}`)
  await page.getByRole('tab', { name: 'Events' }).click()
  await page.getByText('2,000 events, the first of them').waitFor()
  t.notMatch(await page.getByLabel('events', { exact: true }).innerText(), 'thread.run.completed')
  await page.getByRole('button', { name: 'Show more' }).click()
  await page.getByText(/^2,5\d\d events$/).waitFor()
  const shown = await page.getByLabel('events', { exact: true }).innerText()
  t.equal(shown.match(/^thread\.run\.created$/gm)?.length, 1, 'each once')
  t.match(shown, /The last words\.[^]*thread\.run\.completed/)
})

test('all messages of a thread are in its JSON', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  const thread = await threadOf(server, 120)
  await it.open(`#/data/threads/${thread.id}`)
  await page.getByText('"thread"').waitFor()
  t.match(await page.locator('pre').innerText(), 'Message 119.')
})

test('a vector store shows more files than a page has, and asks before it lets one go', skip, async t => {
  const FILES = 60
  const it = await openConsole(t)
  const { page, server } = it
  const { body: { id } } = await server.post('/vector_stores', { name: 'Many' })
  const ids = []
  for (let index = 0; index < FILES; index++) ids.push(await uploaded(server, `file-${index}.md`, `Text ${index}.`))
  await server.post(`/vector_stores/${id}/file_batches`, { file_ids: ids })
  while ((await server.get(`/vector_stores/${id}`)).body.status !== 'completed');
  await it.open(`#/data/vector-stores/${id}`)
  const rows = page.locator('.row .link')
  await rows.first().waitFor()
  await page.getByRole('button', { name: 'Show more' }).click()
  await rows.nth(FILES - 1).waitFor()
  await page.getByRole('button', { name: 'Remove file-0.md' }).click()
  const question = page.getByRole('alertdialog')
  await question.getByRole('button', { name: 'Cancel' }).click()
  t.equal((await server.get(`/vector_stores/${id}`)).body.file_counts.total, FILES)
  await page.getByRole('button', { name: 'Remove file-0.md' }).click()
  await question.getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('button', { name: 'Remove file-0.md' }).waitFor({ state: 'detached' })
  t.equal((await server.get(`/vector_stores/${id}`)).body.file_counts.total, FILES - 1)
})

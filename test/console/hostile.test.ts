import { test } from 'tap'
import { newAssistant, newThread } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { noBrowser, openConsole, type Console } from './helpers/browser.js'

const skip = { skip: noBrowser }

/** A thread with a message of the assistant. */
async function said ({ server }: Console, content: string): Promise<string> {
  const { id } = await newThread(server, 'Say something')
  const { status, body } = await server.post(`/threads/${id}/messages`, { role: 'assistant', content })
  if (status !== 200) throw new Error(JSON.stringify(body))
  return id
}

test('a malformed or unknown address does not keep the console from opening', skip, async t => {
  const it = await openConsole(t)
  await newAssistant(it.server)
  await it.open('#/chat/%')
  await it.page.locator('.messages .problem').waitFor()
  t.ok(await it.page.getByLabel('Message', { exact: true }).isDisabled())
  for (const hash of ['#/nowhere', '#/data/nowhere', '#/data/nowhere/x', '#/data/constructor/x', '#/runs/thread_alone']) {
    await it.open(hash)
    await it.page.getByText('There is no such page').waitFor()
  }
})

test('what has an empty name is called by its id', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  const assistant = await newAssistant(server, { name: ' ' })
  const thread = await newThread(server, 'Hello')
  await server.post(`/threads/${thread.id}`, { metadata: { title: '' } })
  await it.open('#/data/assistants')
  await page.getByRole('link', { name: assistant.id }).waitFor()
  await it.open('#/data/threads')
  await page.getByRole('link', { name: thread.id }).waitFor()
  await it.open('#/chat')
  await page.locator('.thread-title', { hasText: thread.id }).waitFor()
  t.match(await page.locator('option').allInnerTexts(), [`${assistant.id} · test-model`])
})

test('what turns the order of letters around in a name is seen, so that no name looks like another', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  await newAssistant(server, { name: 'line\nbreak' })
  await newAssistant(server, { name: 'x\u202egpj.exe' })
  await it.open('#/data/assistants')
  await page.getByRole('link', { name: 'x\ufffdgpj.exe' }).waitFor()
  await page.getByRole('link', { name: 'line\ufffdbreak' }).waitFor()
})

test('nothing that is long makes a page wider than a phone, or a table as wide as its longest cell', skip, async t => {
  const it = await openConsole(t, {}, { viewport: { width: 360, height: 740 } })
  const { page, server } = it
  const long = 'a'.repeat(64)
  const assistant = await newAssistant(server, { name: 'Donaudampfschifffahrt'.repeat(12), tools: [{ type: 'function', function: { name: long, parameters: { type: 'object' } } }] })
  const thread = await newThread(server, 'x'.repeat(3000))
  await server.post(`/threads/${thread.id}`, { metadata: { title: 'y'.repeat(512), [long]: 'z'.repeat(512) } })
  server.upstream.enqueue(toolCalls([{ name: long, arguments: `{"${long}":"${'w'.repeat(400)}"}` }]))
  const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  for (;;) if ((await server.get(`/threads/${thread.id}/runs/${run.id}`)).body.status === 'requires_action') break
  const tooWide = '[...document.querySelectorAll(\'.main *, .dialog *\')].filter(element => element.closest(\'pre, .table-wrap, .tab-list, .hidden, select\') === null && element.getBoundingClientRect().right > innerWidth + 1).map(element => element.outerHTML.slice(0, 100))'
  for (const [hash, sign] of [[`#/chat/${thread.id}`, '.calls'], [`#/runs/${thread.id}/${run.id}`, '.timeline'], ['#/data/threads', '.list'], ['#/data/assistants', '.list'], [`#/data/threads/${thread.id}`, 'pre']] as const) {
    await it.open(hash)
    await page.locator(sign).first().waitFor()
    t.strictSame(await page.evaluate(tooWide), [], hash)
    t.ok(await page.evaluate('[...document.querySelectorAll(".list td")].every(({ offsetWidth }) => offsetWidth <= 420)'), `cells: ${hash}`)
    t.ok(await page.evaluate('[...document.querySelectorAll(".list tr")].every(({ offsetHeight }) => offsetHeight <= 120)'), `rows: ${hash}`)
  }
})

test('the tab that is shown is in sight on a phone', skip, async t => {
  const it = await openConsole(t, {}, { viewport: { width: 360, height: 740 } })
  await it.open('#/data/vector-stores')
  const tab = it.page.getByRole('tab', { name: 'Vector stores' })
  await tab.waitFor()
  const { x, width } = (await tab.boundingBox())!
  t.ok(x >= 0 && x + width <= 360, `${x} to ${x + width}`)
})

test('text that is written from right to left is shown so', skip, async t => {
  const it = await openConsole(t)
  const { page } = it
  await newAssistant(it.server)
  const id = await said(it, 'مرحبا بالعالم.\n\nHello world.')
  await it.open(`#/chat/${id}`)
  const direction = async (words: string): Promise<string> => await page.getByText(words).evaluate(element => (globalThis as any).getComputedStyle(element).direction)
  t.equal(await direction('مرحبا بالعالم.'), 'rtl')
  t.equal(await direction('Hello world.'), 'ltr')
})

test('Markdown as models write it is read, and what would exhaust the reader is shown as it stands', skip, async t => {
  const it = await openConsole(t)
  const { page } = it
  await newAssistant(it.server)
  const id = await said(it, '- [ ] to do\n- [x] done\n\nAT&amp;T says 5 &lt; 6 &copy; &#39;quoted&#39; and `&amp;`\n')
  await it.open(`#/chat/${id}`)
  await page.getByText('AT&T says 5 < 6 © \'quoted\' and &amp;').waitFor()
  t.strictSame(await page.getByRole('checkbox').evaluateAll((boxes: any[]) => boxes.map(({ checked, disabled }) => [checked, disabled])), [[false, true], [true, true]])
  for (const [name, hostile] of Object.entries({ quotes: '>'.repeat(20_000), lists: Array.from({ length: 400 }, (_, depth) => `${' '.repeat(depth * 2)}- x`).join('\n'), brackets: '['.repeat(20_000) })) {
    await it.open(`#/chat/${await said(it, `${hostile} The end of ${name}.`)}`)
    await page.getByText(`The end of ${name}.`).waitFor()
  }
  await page.getByRole('link', { name: 'Settings' }).click()
  await page.getByText('Model providers').waitFor()
})

const NAMED = 'https://www.a*b*c.com/_d_e [x](y).md'

test('a citation is found when the name of its file reads as Markdown', skip, async t => {
  const it = await openConsole(t, { script: [toolCalls([{ name: 'file_search', arguments: { query: 'zebra' }, id: 'call_1' }]), text(['**Nine** ', `【0:0†${NAMED}】`, ', *really*.'])] })
  const { page, server } = it
  const assistant = await newAssistant(server, { name: 'Ada', tools: [{ type: 'file_search' }] })
  const body = new FormData()
  body.set('purpose', 'assistants')
  body.set('file', new Blob(['The zebra house opens at nine.']), 'hours.md')
  const file = await (await fetch(`${server.baseURL}/files`, { method: 'POST', body })).json() as { id: string }
  const thread = await newThread(server, 'Hello')
  await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'When?', attachments: [{ file_id: file.id, tools: [{ type: 'file_search' }] }] })
  const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  for (;;) if ((await server.get(`/threads/${thread.id}/runs/${run.id}`)).body.status === 'completed') break
  await it.open(`#/chat/${thread.id}`)
  await page.getByRole('button', { name: 'Citation 1' }).waitFor()
  t.notMatch(await page.getByRole('article', { name: 'Assistant' }).innerText(), '†')
  // What was attached is called by its name, not by its id.
  await page.locator('.chip', { hasText: 'hours.md' }).waitFor()
})

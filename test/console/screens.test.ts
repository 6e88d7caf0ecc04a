import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { test } from 'tap'
import { root } from '../helpers/paths.js'
import { newAssistant, newThread, stopped, type TestServer } from '../helpers/server.js'
import { text, toolCalls } from '../helpers/upstream.js'
import { uploaded } from '../vector-stores/helpers/searcher.js'
import { accessibilityFaults, noBrowser, openConsole } from './helpers/browser.js'

const skip = { skip: noBrowser }

const PLAN = `# Opening hours of the zoo

The zoo is open every day of the year.

The zebra house opens at nine in the morning and closes at five in the afternoon; in summer it stays open until seven.

The aquarium is closed on Mondays.
`
const ANSWER = `The zebra house opens at **nine in the morning**【0:0†opening-hours.md】. In summer it stays open longer:

| Season | Opens | Closes |
|---|---|---|
| Winter | 9:00 | 17:00 |
| Summer | 9:00 | 19:00 |

1. Buy a ticket at the gate.
2. Follow the stripes.`

/** A server with something of everything. */
async function furnish (server: TestServer): Promise<{ threadId: string, runId: string, storeId: string }> {
  const { body: { id: storeId } } = await server.post('/vector_stores', { name: 'Zoo handbook' })
  await server.post(`/vector_stores/${storeId}/files`, { file_id: await uploaded(server, 'opening-hours.md', PLAN) })
  while ((await server.get(`/vector_stores/${storeId}`)).body.status !== 'completed');
  const guide = await newAssistant(server, { name: 'Zoo guide', instructions: 'Answer from the handbook.', tools: [{ type: 'file_search' }], tool_resources: { file_search: { vector_store_ids: [storeId] } } })
  await newAssistant(server, { name: 'Weather', tools: [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object' } } }] })
  server.upstream.enqueue(text('A giraffe sleeps for about half an hour a day.'), toolCalls([{ name: 'file_search', arguments: { query: 'zebra house opens' }, id: 'call_1' }]), text([...ANSWER.split(/(?<= )|(?=【)|(?<=】)/)]))
  for (const [title, question] of [['How long does a giraffe sleep?', 'How long does a giraffe sleep?'], ['When does the zebra house open?', 'When does the zebra house open, and when does it close?']] as const) {
    const thread = await newThread(server, question)
    await server.post(`/threads/${thread.id}`, { metadata: { title, user: 'anna' } })
    const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: guide.id })
    await stopped(server, run)
    if (title.startsWith('When')) return { threadId: thread.id, runId: run.id, storeId }
  }
  throw new Error('unreachable')
}

const pictures = join(root, 'build/console')
mkdirSync(pictures, { recursive: true })
/** Those that the documentation shows; `npm run docs` replaces them. */
const SHOWN: readonly string[] = ['chat-light', 'run-dark', 'citation-light', 'usage-light', 'chat-dark-phone']

async function picture (page: Page, name: string): Promise<void> {
  const folder = process.env.UPDATE_DOCS === '1' && SHOWN.includes(name) ? join(root, 'docs') : pictures
  await page.screenshot({ path: join(folder, `console-${name}.png`), animations: 'disabled' })
}

const WIDE = { viewport: { width: 1280, height: 800 } }
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 }
const LOOKS = [['light', WIDE], ['dark', WIDE], ['light', PHONE], ['dark', PHONE]] as const

for (const [colorScheme, size] of LOOKS) {
  const look = `${colorScheme}${size === PHONE ? '-phone' : ''}`
  test(`every screen can be used by everybody: ${look}`, skip, async t => {
    const it = await openConsole(t, {}, { colorScheme, ...size })
    const { page, server } = it
    const { threadId, runId, storeId } = await furnish(server)
    const screens: readonly (readonly [name: string, hash: string, sign: string])[] = [
      ['start', '#/chat', 'text=Write a message, or drop a file'],
      ['chat', `#/chat/${threadId}`, 'text=Follow the stripes'],
      ['runs', '#/runs', 'text=completed'],
      ['run', `#/runs/${threadId}/${runId}`, 'text=File search'],
      ['assistants', '#/data/assistants', 'text=Zoo guide'],
      ['threads', '#/data/threads', 'text=When does the zebra'],
      ['files', '#/data/files', 'text=opening-hours.md'],
      ['vector-store', `#/data/vector-stores/${storeId}`, 'text=opening-hours.md'],
      ['usage', '#/usage', 'text=By model'],
      ['settings', '#/settings', 'text=Model providers']
    ]
    for (const [name, hash, sign] of screens) {
      await it.open(hash)
      await page.locator(sign).first().waitFor()
      t.strictSame(await accessibilityFaults(page), [], name)
      t.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), `${name} is not wider than the window`)
      await picture(page, `${name}-${look}`)
    }
    await it.open(`#/chat/${threadId}`)
    await page.getByRole('button', { name: 'Citation 1' }).click()
    await page.locator('mark').waitFor()
    t.strictSame(await accessibilityFaults(page), [], 'citation')
    await picture(page, `citation-${look}`)
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Edit assistant' }).click()
    await page.getByLabel('Instructions').waitFor()
    t.strictSame(await accessibilityFaults(page), [], 'form')
    await picture(page, `assistant-${look}`)
  })
}

test('a run is shown as a timeline, as events and as code', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  const { threadId, runId } = await furnish(server)
  await it.open('#/runs')
  await page.locator(`a[href$="${runId}"]`).waitFor()
  const ofRuns = await page.getByRole('table').locator('tbody tr').allInnerTexts()
  t.equal(ofRuns.length, 2)
  await page.locator(`a[href$="${runId}"]`).click()
  const timeline = page.getByRole('list', { name: 'Timeline' })
  for (const name of ['Queue', 'File search', 'Message']) await timeline.getByText(name, { exact: true }).waitFor()
  // The API has whole seconds: within one, a length is not known to be nothing.
  const lengths = [...ofRuns, ...await timeline.locator('.timeline-head').allInnerTexts(), await page.locator('.facts').innerText()]
  for (const text of lengths) t.match(text, /(< 1|\b[1-9]\d*) s\b/, text)
  await timeline.getByText('Searched files').click()
  await timeline.getByText('opening-hours.md').waitFor()
  await page.getByRole('tab', { name: 'Events' }).click()
  await page.getByText('thread.run.completed').waitFor()
  await page.getByRole('tab', { name: 'Copy as code' }).click()
  await page.getByText('client.beta.threads.runs.stream').waitFor()
  await page.getByRole('button', { name: 'curl' }).click()
  await page.getByText(`${server.baseURL}/threads/${threadId}/runs`).waitFor()
  server.upstream.enqueue(text('Once more.'))
  await page.getByRole('button', { name: 'Run again', exact: true }).click()
  await page.waitForURL(url => url.hash.startsWith(`#/runs/${threadId}/`) && !url.hash.endsWith(runId))
})

test('data is found, exported and deleted after a question', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  const { threadId } = await furnish(server)
  await it.open('#/data/threads')
  await page.getByText('How long does a giraffe').waitFor()
  await page.getByLabel('Metadata, as key=value').fill('title=When does the zebra house open?')
  await page.keyboard.press('Enter')
  await page.getByText('How long does a giraffe').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: `Actions for ${threadId}` }).click()
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('menuitem', { name: 'Export as JSON' }).click()])
  t.equal(download.suggestedFilename(), `${threadId}.json`)
  await page.getByRole('button', { name: `Actions for ${threadId}` }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  const question = page.getByRole('alertdialog')
  await question.getByRole('button', { name: 'Cancel' }).click()
  t.equal((await server.get(`/threads/${threadId}`)).status, 200)
  await page.getByRole('button', { name: `Actions for ${threadId}` }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await question.getByRole('button', { name: 'Delete' }).click()
  await page.getByText('No thread here').waitFor()
  t.equal((await server.get(`/threads/${threadId}`)).status, 404)
})

test('uploads are seen, and cancelled after a question', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  const { body: { id } } = await server.post('/uploads', { filename: 'big.pdf', purpose: 'assistants', bytes: 3, mime_type: 'application/pdf' })
  await it.open('#/data/uploads')
  await page.getByText('big.pdf').waitFor()
  await page.getByText('pending').waitFor()
  await page.getByRole('button', { name: `Actions for ${id}` }).click()
  await page.getByRole('menuitem', { name: 'Cancel' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel upload' }).click()
  await page.getByText('cancelled', { exact: true }).waitFor()
  t.equal((await server.get(`/uploads/${id}`)).body.status, 'cancelled')
  t.strictSame(await accessibilityFaults(page), [])
})

test('a vector store is made, filled and searched', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  await it.open('#/data/vector-stores')
  await page.getByRole('button', { name: 'New vector store' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Zoo')
  await page.getByRole('button', { name: 'Create' }).click()
  await page.getByRole('link', { name: 'Zoo' }).click()
  await page.locator('input[type=file]').setInputFiles({ name: 'hours.md', mimeType: 'text/markdown', buffer: Buffer.from(PLAN) })
  await page.locator('.row').getByText('completed').waitFor()
  await page.getByLabel('Search these files').fill('aquarium')
  await page.keyboard.press('Enter')
  await page.getByText('1 passage').waitFor()
  await page.getByRole('button', { name: 'hours.md', exact: true }).click()
  await page.getByRole('dialog').getByText('Part 1').waitFor()
  t.match((await server.get('/vector_stores')).body.data, [{ name: 'Zoo', file_counts: { completed: 1 } }])
})

test('a server with keys asks for one, and the tab keeps it', skip, async t => {
  const it = await openConsole(t, { apiKeys: ['sk-right'] })
  const { page } = it
  await it.open()
  await page.getByLabel('API key').fill('sk-wrong')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('does not accept this key').waitFor()
  t.strictSame(await accessibilityFaults(page), [])
  await page.getByLabel('API key').fill('sk-right')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('No assistant yet').waitFor()
  await page.reload()
  await page.getByText('No assistant yet').waitFor()
  t.strictSame(await page.evaluate('Object.values(localStorage)'), [], 'nothing outlives the tab')
  await it.open('#/settings')
  await page.getByRole('button', { name: 'Forget the key' }).click()
  await page.getByLabel('API key').waitFor()
})

test('a model name is tried, and the appearance chosen', skip, async t => {
  const it = await openConsole(t, { aliases: { 'gpt-4*': 'test-model' } })
  const { page } = it
  await it.open('#/settings')
  await page.getByLabel('Try a name').fill('gpt-4-turbo')
  await page.getByRole('button', { name: 'Look up' }).click()
  await page.getByText('gpt-4-turbo is test-model of default.').waitFor()
  await page.getByLabel('Appearance').selectOption('dark')
  t.equal(await page.evaluate('getComputedStyle(document.body).colorScheme'), 'dark')
})

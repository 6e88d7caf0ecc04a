import { test } from 'tap'
import { newAssistant, newThread, stopped } from '../helpers/server.js'
import { Gate, text, toolCalls } from '../helpers/upstream.js'
import { uploaded } from '../vector-stores/helpers/searcher.js'
import { noBrowser, openConsole, type Console } from './helpers/browser.js'

const skip = { skip: noBrowser }

async function edit ({ page }: Console, id: string): Promise<void> {
  await page.getByRole('button', { name: `Actions for ${id}` }).click()
  await page.getByRole('menuitem', { name: 'Edit' }).click()
}

test('an assistant that is renamed keeps all that the form does not show', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  const { body: store } = await server.post('/vector_stores', { name: 'Oldest' })
  for (let index = 0; index < 101; index++) await server.post('/vector_stores', { name: `Newer ${index}` })
  const fields = {
    name: 'Ada',
    description: 'Helps.',
    instructions: '  Keep the\n  indent.\n',
    tools: [
      { type: 'file_search', file_search: { max_num_results: 7, ranking_options: { ranker: 'auto', score_threshold: 0.5 } } },
      { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} }, strict: true } }
    ],
    tool_resources: { file_search: { vector_store_ids: [store.id] } },
    top_p: 0.5,
    metadata: { team: 'zoo' }
  }
  const before = await newAssistant(server, fields)
  await it.open('#/data/assistants')
  await edit(it, before.id)
  await page.getByLabel('Name').fill('Ada Lovelace')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('link', { name: 'Ada Lovelace' }).waitFor()
  t.strictSame((await server.get(`/assistants/${before.id}`)).body, { ...before, name: 'Ada Lovelace' })
})

test('what is typed into the form of an assistant stays when slow lists arrive, and is not lost by a click beside it', skip, async t => {
  const gate = new Gate()
  const it = await openConsole(t)
  const { page, server } = it
  const { body: store } = await server.post('/vector_stores', { name: 'Handbook' })
  const { id } = await newAssistant(server, { name: 'Ada', tools: [{ type: 'file_search' }], tool_resources: { file_search: { vector_store_ids: [store.id] } } })
  await page.route(/\/v1\/(models|vector_stores)/, async route => { await gate.pass(); await route.continue() })
  await it.open('#/data/assistants')
  await edit(it, id)
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Model').fill('another-model')
  gate.open(Infinity)
  await dialog.locator('datalist option').first().waitFor({ state: 'attached' })
  t.equal(await dialog.getByLabel('Model').inputValue(), 'another-model')
  await page.mouse.click(5, 5)
  t.equal(await dialog.getByLabel('Model').inputValue(), 'another-model')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })
  t.match((await server.get(`/assistants/${id}`)).body, { model: 'another-model', tool_resources: { file_search: { vector_store_ids: [store.id] } } })
})

test('an edited message keeps its files and images', skip, async t => {
  const it = await openConsole(t, { script: [text('One.'), text('Two.')] })
  const { page, server } = it
  await newAssistant(server, { name: 'Ada', tools: [{ type: 'file_search' }] })
  const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
  await it.open()
  await page.locator('.composer input[type=file]').setInputFiles([{ name: 'notes.md', mimeType: 'text/markdown', buffer: Buffer.from('Notes.') }, { name: 'dot.png', mimeType: 'image/png', buffer: picture }])
  await page.getByLabel('Message', { exact: true }).fill('Look')
  await page.keyboard.press('Enter')
  await page.getByText('One.').waitFor()
  await page.getByRole('button', { name: 'Send' }).waitFor()
  await page.getByRole('button', { name: 'Edit and run again' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Edit' }).click()
  await page.getByLabel('Attached files').getByText('notes.md').waitFor()
  await page.getByLabel('Attached files').getByText('dot.png').waitFor()
  await page.getByLabel('Message', { exact: true }).fill('Look again')
  await page.keyboard.press('Enter')
  await page.getByText('Two.').waitFor()
  const { body: { data: [thread] } } = await server.get('/threads')
  const { body: { data: [message] } } = await server.get(`/threads/${thread.id}/messages?order=asc`)
  t.match(message, { content: [{ type: 'text', text: { value: 'Look again' } }, { type: 'image_file' }], attachments: [{ tools: [{ type: 'file_search' }] }] })
  t.equal((await server.get('/files')).body.data.length, 2, 'nothing was uploaded again')
})

test('a reply is kept for the next call of a function until it is not to be filled in any more', skip, async t => {
  const call = () => toolCalls([{ name: 'f', arguments: {}, id: 'call_1' }])
  const it = await openConsole(t, { script: [call(), call(), text('Done.')] })
  const { page, server } = it
  await newAssistant(server, { name: 'Ada', tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }] })
  await it.open()
  await page.getByLabel('Message', { exact: true }).fill('Call')
  await page.keyboard.press('Enter')
  const form = page.getByRole('form', { name: 'Function calls' })
  await form.getByLabel('Output of f', { exact: true }).fill('a reply')
  await form.getByLabel('Fill in next time').check()
  await form.getByRole('button', { name: 'Submit outputs' }).click()
  await page.locator('.tool').getByText('Called f').first().waitFor()
  await page.waitForFunction('document.querySelector(".calls textarea")?.value === "a reply"')
  await form.getByLabel('Fill in next time').waitFor()
  t.ok(await form.getByLabel('Fill in next time').isChecked(), 'it says that the reply is kept')
  await form.getByLabel('Fill in next time').uncheck()
  await form.getByRole('button', { name: 'Submit outputs' }).click()
  await page.getByText('Done.').waitFor()
  t.strictSame(await page.evaluate('Object.keys(localStorage)'), [])
})

test('a run copied as code asks for all that the run was asked for, in the words of each language', skip, async t => {
  const it = await openConsole(t, { script: [text('{}')] })
  const { page, server } = it
  const assistant = await newAssistant(server, { name: 'Ada' })
  const thread = await newThread(server, 'Hello')
  const asked = {
    assistant_id: assistant.id,
    instructions: 'It\'s "odd"\n$' + '{HOME} `x` \\',
    temperature: 0.2,
    max_completion_tokens: 900,
    parallel_tool_calls: false,
    response_format: { type: 'json_object' },
    tools: [{ type: 'function', function: { name: 'f', strict: true, parameters: { type: 'object', properties: {}, additionalProperties: false } } }],
    tool_choice: 'none',
    metadata: { team: 'zoo' }
  }
  const run = await stopped(server, (await server.post(`/threads/${thread.id}/runs`, asked)).body)
  await it.open(`#/runs/${thread.id}/${run.id}`)
  await page.getByRole('tab', { name: 'Copy as code' }).click()
  const code = page.locator('.code pre')
  t.match(await code.innerText(), '"max_completion_tokens": 900')
  await page.getByRole('button', { name: 'Python' }).click()
  const python = await code.innerText()
  t.match(python, 'parallel_tool_calls=False,')
  t.match(python, '"strict": True')
  t.notMatch(python, /\b(true|false|null)\b/)
  await page.getByRole('button', { name: 'curl' }).click()
  const { execFileSync } = await import('node:child_process')
  const body = /-d ('.*')$/s.exec(await code.innerText())![1]!
  const sent = execFileSync('sh', ['-c', `printf %s ${body}`], { encoding: 'utf8' })
  t.match(JSON.parse(sent), { ...asked, stream: true })
})

test('a link to a file that code has made downloads it', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  await newAssistant(server)
  const fileId = await uploaded(server, 'totals.csv', 'a,b\n1,2\n')
  const { id } = await newThread(server, 'Make a table')
  const { body: message } = await server.post(`/threads/${id}/messages`, { role: 'assistant', content: 'Here: [the table](sandbox:/mnt/data/totals.csv).' })
  // As the code interpreter annotates its messages.
  const annotation = { type: 'file_path', text: 'sandbox:/mnt/data/totals.csv', start_index: 18, end_index: 46, file_path: { file_id: fileId } }
  await page.route(`**/v1/threads/${id}/messages?*`, async route => {
    const body = await (await route.fetch()).json()
    for (const one of body.data) if (one.id === message.id) one.content[0].text.annotations = [annotation]
    await route.fulfill({ json: body })
  })
  await it.open(`#/chat/${id}`)
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'the table' }).click()])
  t.equal(download.suggestedFilename(), 'totals.csv')
})

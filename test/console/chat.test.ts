import { test } from 'tap'
import { newAssistant } from '../helpers/server.js'
import { Gate, text, toolCalls } from '../helpers/upstream.js'
import { noBrowser, openConsole, type Console } from './helpers/browser.js'

const skip = { skip: noBrowser }

async function write ({ page }: Console, message: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(message)
  await page.keyboard.press('Enter')
}

test('an assistant is made, and its answer is shown as it is streamed', skip, async t => {
  const gate = new Gate()
  const it = await openConsole(t, { script: [text(['Hello ', gate, '**world**.'])] })
  const { page, server } = it
  await it.open()
  await page.getByRole('button', { name: 'New assistant' }).click()
  await page.getByLabel('Name').fill('Ada')
  await page.getByLabel('Model').fill('test-model')
  await page.getByLabel('Instructions').fill('Be brief.')
  await page.getByRole('button', { name: 'Create' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  t.match((await server.get('/assistants')).body.data, [{ name: 'Ada', model: 'test-model', instructions: 'Be brief.' }])
  await write(it, 'Say hello')
  const answer = page.getByRole('article', { name: 'Assistant' })
  await answer.getByText('Hello').waitFor()
  t.notMatch(await answer.innerText(), /world/, 'the rest is not there yet')
  await page.getByRole('button', { name: 'Stop' }).waitFor()
  gate.open()
  await answer.locator('strong', { hasText: 'world' }).waitFor()
  await page.getByRole('button', { name: 'Send' }).waitFor()
  t.match((await server.get('/threads')).body.data, [{ metadata: { title: 'Say hello' } }])
  await page.reload()
  await answer.getByText('Hello world.').waitFor()
})

test('a run is stopped, and an earlier message is edited and sent again', skip, async t => {
  const it = await openConsole(t, { script: [text(['One, ', { fault: 'hang' }]), text('Two.')] })
  const { page, server } = it
  await newAssistant(server, { name: 'Ada' })
  await it.open()
  await write(it, 'Count to one')
  await page.getByText('One,').waitFor()
  await page.getByRole('button', { name: 'Stop' }).click()
  await page.getByText('Stopped.').waitFor()
  await page.getByRole('button', { name: 'Edit and run again' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Edit' }).click()
  await page.getByRole('article', { name: 'You' }).waitFor({ state: 'detached' })
  await page.waitForFunction('[...document.querySelectorAll("textarea")].some(({ value }) => value === "Count to one")')
  await write(it, 'Count to two')
  await page.getByText('Two.').waitFor()
  const { body: { data: [thread] } } = await server.get('/threads')
  const { body: { data } } = await server.get(`/threads/${thread.id}/messages?order=asc`)
  t.strictSame(data.map((message: any) => message.content[0].text.value), ['Count to two', 'Two.'])
})

test('a run that waits for a function shows a form, and goes on with what is typed', skip, async t => {
  const call = () => toolCalls([{ name: 'get_weather', arguments: { city: 'Rome' }, id: 'call_1' }])
  const it = await openConsole(t, { script: [call(), text('Sunny.'), call(), text('Still sunny.')] })
  const { page, server } = it
  await newAssistant(server, { name: 'Ada', tools: [{ type: 'function', function: { name: 'get_weather', parameters: { type: 'object' } } }] })
  await it.open()
  await write(it, 'Weather?')
  const form = page.getByRole('form', { name: 'Function calls' })
  await form.getByText('"city": "Rome"').waitFor()
  await form.getByLabel('Output of get_weather', { exact: true }).fill('sun')
  await form.getByLabel('Fill in next time').check()
  await form.getByRole('button', { name: 'Submit outputs' }).click()
  await page.getByText('Sunny.', { exact: true }).waitFor()
  t.match(server.upstream.chats[1]!.body.messages.at(-1), { role: 'tool', content: 'sun' })
  await page.getByText('Called get_weather').waitFor()
  await write(it, 'And now?')
  await form.waitFor()
  t.equal(await form.getByLabel('Output of get_weather', { exact: true }).inputValue(), 'sun', 'the saved reply')
  await form.getByRole('button', { name: 'Submit outputs' }).click()
  await page.getByText('Still sunny.').waitFor()
})

test('a failed run says why in plain words, and can be run again', skip, async t => {
  const it = await openConsole(t, { mayLogErrors: true, script: [{ kind: 'http', status: 400, body: { error: { message: 'The model is out of order.' } }, headers: {} }, text('Now it works.')] })
  await newAssistant(it.server, { name: 'Ada' })
  await it.open()
  await write(it, 'Hello')
  await it.page.getByRole('alert').getByText('The model is out of order.').waitFor()
  await it.page.getByRole('button', { name: 'Run again', exact: true }).click()
  await it.page.getByText('Now it works.').waitFor()
})

async function ask (it: Console, filename: string): Promise<void> {
  const { page, server } = it
  await newAssistant(server, { name: 'Ada' })
  await it.open()
  await page.locator('.composer input[type=file]').setInputFiles({ name: filename, mimeType: 'text/plain', buffer: Buffer.from('Opening hours.\n\nThe zebra house opens at nine.\n') })
  await page.getByLabel('Attached files').getByText(filename).waitFor()
  await write(it, 'When does the zebra house open?')
}

test('a file is uploaded with a message, and the citation of the answer opens its passage', skip, async t => {
  const it = await openConsole(t, { script: [toolCalls([{ name: 'file_search', arguments: { query: 'zebra house' }, id: 'call_1' }]), text(['At nine ', '【0:0†zoo.txt】', '.'])] })
  const { page } = it
  await ask(it, 'zoo.txt')
  await page.getByRole('button', { name: 'Citation 1' }).click()
  const dialog = page.getByRole('dialog', { name: 'zoo.txt' })
  await dialog.locator('mark').getByText('The zebra house opens at nine.').waitFor()
  t.match(await dialog.innerText(), /Found with a score of \d\.\d\d/)
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await page.getByText('Searched files: 1 passage').click()
})

const ATTACK = '<img src=x onerror="alert(1)"><script>alert(2)</script><svg onload=alert(3)> [a](javascript:alert(4)) ![b](https://evil.test/x.png) <iframe srcdoc="<script>alert(5)</script>">'

test('what a model, a file name and metadata say is never markup', skip, async t => {
  const filename = 'x"><img src=x onerror=alert(1)>.txt'
  const it = await openConsole(t, { script: [toolCalls([{ name: 'file_search', arguments: { query: 'zebra' }, id: 'call_1' }]), text([ATTACK, ' 【0:0†x】', '\n\n```html\n', ATTACK, '\n```\n'])] })
  const { page, server } = it
  await ask(it, filename)
  await page.getByRole('button', { name: 'Citation 1' }).waitFor()
  const answer = page.getByRole('article', { name: 'Assistant' })
  t.match(await answer.innerText(), '<script>alert(2)</script>', 'it is shown as it was written')
  t.equal(await answer.locator('img, script, iframe, svg:not(.icon), a[href^=javascript]').count(), 0)
  await page.getByRole('button', { name: 'Citation 1' }).click()
  await page.getByRole('dialog').waitFor()
  await page.keyboard.press('Escape')
  await server.post('/threads', { metadata: { title: ATTACK, [ATTACK.slice(0, 40)]: ATTACK } })
  await newAssistant(server, { name: ATTACK, instructions: ATTACK })
  for (const hash of ['#/data/threads', '#/data/assistants', '#/data/files', '#/data/vector-stores', '#/chat', '#/runs']) {
    await it.open(hash)
    await page.locator('.list tbody tr, .thread-link').first().waitFor()
    t.equal(await page.locator('img, iframe, body script').count(), 0, hash)
  }
  await it.open('#/data/files')
  t.match(await page.locator('.list').innerText(), 'onerror=alert(1)')
})

import { test } from 'tap'
import openaiCompatConsole from '../../lib/console/console.js'
import openaiCompat from '../../lib/plugin.js'
import { newAssistant, newThread } from '../helpers/server.js'
import { Gate, text } from '../helpers/upstream.js'
import { noBrowser, openConsole, type Console } from './helpers/browser.js'

const skip = { skip: noBrowser }

async function write ({ page }: Console, message: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(message)
  await page.keyboard.press('Enter')
}

test('a chat that is looked at again has what another tab has written and deleted', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  await newAssistant(server)
  const thread = await newThread(server, 'First', 'Second')
  await it.open(`#/chat/${thread.id}`)
  await page.getByText('Second').waitFor()
  const { body: { data: [second] } } = await server.get(`/threads/${thread.id}/messages`)
  await server.delete(`/threads/${thread.id}/messages/${second.id}`)
  await server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Third' })
  // As when the tab is chosen.
  await page.evaluate('document.dispatchEvent(new Event("visibilitychange"))')
  await page.getByText('Third').waitFor()
  t.strictSame(await page.locator('.typed').allInnerTexts(), ['First', 'Third'])
})

test('what another tab has deleted goes from the list once it is to be deleted here', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  const { id } = await newAssistant(server, { name: 'Ada' })
  await it.open('#/data/assistants')
  await page.getByRole('link', { name: 'Ada' }).waitFor()
  await server.delete(`/assistants/${id}`)
  await page.getByRole('button', { name: `Actions for ${id}` }).click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByText('No assistant here').waitFor()
  t.equal(await page.getByRole('link', { name: 'Ada' }).count(), 0)
})

test('a chat that is stopped while its file is still on its way begins no run', skip, async t => {
  const gate = new Gate()
  const it = await openConsole(t)
  const { page, server } = it
  await newAssistant(server, { name: 'Ada' })
  await page.route('**/v1/files', async route => { await gate.pass(); await route.continue() })
  await it.open()
  await page.locator('.composer input[type=file]').setInputFiles({ name: 'notes.md', mimeType: 'text/markdown', buffer: Buffer.from('Notes.') })
  await write(it, 'Look')
  await gate.reached()
  await page.getByRole('button', { name: 'Stop' }).click()
  gate.open()
  await page.getByRole('button', { name: 'Send' }).waitFor()
  t.equal(await page.getByRole('article', { name: 'You' }).count(), 1, 'the message is there')
  const { body: { data: [thread] } } = await server.get('/threads')
  t.strictSame((await server.get(`/threads/${thread.id}/runs`)).body.data, [])
})

test('a chat goes on after the page was reloaded, and after another was looked at meanwhile', skip, async t => {
  const [first, second] = [new Gate(), new Gate()]
  const it = await openConsole(t, { script: [text(['One, ', first, 'two, ', second, 'three.'])] })
  const { page, server } = it
  await newAssistant(server, { name: 'Ada' })
  const other = await newThread(server, 'Another matter')
  await it.open()
  await write(it, 'Count')
  const answer = page.getByRole('article', { name: 'Assistant' })
  await answer.getByText('One,').waitFor()
  await page.reload()
  await answer.getByText('One,').waitFor()
  first.open()
  await answer.getByText('One, two,').waitFor()
  await page.locator(`a[href$="${other.id}"]`).click()
  await page.locator('.typed').getByText('Another matter').waitFor()
  t.equal(await page.locator('.message').count(), 1, 'nothing of the other chat')
  await page.goBack()
  await answer.getByText('One, two,').waitFor()
  second.open()
  await answer.getByText('One, two, three.').waitFor()
  await page.goForward()
  await page.locator('.typed').getByText('Another matter').waitFor()
  t.match(await page.title(), /^Chat · /)
})

test('a fault of one screen leaves the others', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  await newAssistant(server, { name: 'Ada' })
  const origin = new URL(server.baseURL).origin
  await page.route('**/v1/assistants?limit=50*', async route => await route.fulfill({ json: { object: 'list', data: [{ id: 'asst_1', tools: null }], has_more: false } }))
  await page.goto(`${origin}/console/#/data/assistants`)
  await page.getByText('This cannot be shown').waitFor()
  await page.getByRole('link', { name: 'Settings' }).click()
  await page.getByText('Model providers').waitFor()
  await page.unroute('**/v1/assistants?limit=50*')
  await page.getByRole('link', { name: 'Data' }).click()
  await page.getByRole('link', { name: 'Ada' }).waitFor()
})

test('the console is used with the keyboard alone', skip, async t => {
  const it = await openConsole(t, { script: [text('Hello.')] })
  const { page, server } = it
  const to = async (name: string): Promise<void> => {
    for (let presses = 0; presses < 40; presses++) {
      if (await page.evaluate(`(document.activeElement.getAttribute('aria-label') ?? document.activeElement.labels?.[0]?.innerText ?? document.activeElement.innerText).trim() === ${JSON.stringify(name)}`)) return
      await page.keyboard.press('Tab')
    }
    throw new Error(`Tab does not come to ${name}`)
  }
  await it.open()
  await page.getByText('No assistant yet').waitFor()
  await to('New assistant')
  await page.keyboard.press('Enter')
  await page.getByRole('dialog').waitFor()
  await to('Name')
  await page.keyboard.type('Ada')
  await to('Model')
  await page.keyboard.press('Control+A')
  await page.keyboard.type('test-model')
  await to('Create')
  await page.keyboard.press('Enter')
  await page.getByText('Chat with Ada').waitFor()
  await to('Message')
  await page.keyboard.type('Hi')
  await page.keyboard.press('Enter')
  await page.getByRole('article', { name: 'Assistant' }).getByText('Hello.').waitFor()
  await to('Data')
  await page.keyboard.press('Enter')
  const { body: { data: [{ id }] } } = await server.get('/assistants')
  await page.getByRole('link', { name: 'Ada' }).waitFor()
  await to(`Actions for ${id}`)
  await page.keyboard.press('Enter')
  await page.getByRole('menuitem', { name: 'Delete' }).waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.getByRole('alertdialog').waitFor()
  t.ok(await page.evaluate('document.activeElement.closest("[role=alertdialog]") !== null'), 'the question has the focus')
  await page.keyboard.press('Escape')
  await page.getByRole('alertdialog').waitFor({ state: 'detached' })
  t.equal((await server.get(`/assistants/${id}`)).status, 200)
})

test('two consoles of one application keep their keys apart', skip, async t => {
  const it = await openConsole(t, {
    apiKeys: ['sk-one'],
    prepare: async app => {
      await app.register(openaiCompat, { prefix: '/two/v1', storage: 'memory:', apiKeys: ['sk-two'], codeInterpreter: 'off' })
      await app.register(openaiCompatConsole, { prefix: '/two/console', api: '/two/v1' })
    }
  })
  const { page, server } = it
  const { origin } = new URL(server.baseURL)
  const sent: string[] = []
  page.on('request', request => { if (request.url().includes('/v1/')) sent.push(`${new URL(request.url()).pathname.startsWith('/two/') ? 'two' : 'one'} ${request.headers().authorization}`) })
  for (const [path, key] of [['/console/', 'sk-one'], ['/two/console/', 'sk-two'], ['/console/', undefined], ['/two/console/', undefined]] as const) {
    await page.goto(origin + path)
    if (key !== undefined) {
      await page.getByLabel('API key').fill(key)
      await page.getByRole('button', { name: 'Continue' }).click()
    }
    await page.getByText('No assistant yet').waitFor()
  }
  t.strictSame([...new Set(sent)].sort(), ['one Bearer none', 'one Bearer sk-one', 'two Bearer none', 'two Bearer sk-two'])
})

import { test } from 'tap'
import { newAssistant, newThread } from '../helpers/server.js'
import { Gate, text, toolCalls } from '../helpers/upstream.js'
import { noBrowser, openConsole, PLAIN_HOST, type Console } from './helpers/browser.js'

const skip = { skip: noBrowser }

async function write ({ page }: Console, message: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(message)
  await page.keyboard.press('Enter')
}

test('an answer goes on in the page after its connection was cut, and a server that is away is asked again', skip, async t => {
  const [first, second] = [new Gate(), new Gate()]
  const it = await openConsole(t, { script: [text(['One, ', first, 'two, ', second, 'three.'])] }, { mayFail: true })
  const { page, server } = it
  await newAssistant(server, { name: 'Ada' })
  await it.open()
  await write(it, 'Count')
  await page.getByText('One,').waitFor()
  server.app.server.closeAllConnections()
  first.open()
  await page.getByText('One, two,').waitFor()
  // The connection is cut again, and for a while nothing is reached at all.
  await page.context().setOffline(true)
  server.app.server.closeAllConnections()
  await page.getByText('The connection was lost').waitFor()
  second.open()
  await page.context().setOffline(false)
  await page.getByText('One, two, three.').waitFor()
  await page.getByRole('button', { name: 'Send' }).waitFor()
})

test('a chat and the events of a run hold no connection once they are left', skip, async t => {
  const it = await openConsole(t, { script: [text(['Working ', { fault: 'hang' }])] })
  const { page, server } = it
  await newAssistant(server, { name: 'Ada' })
  await it.open()
  await write(it, 'Work')
  await page.getByRole('article', { name: 'Assistant' }).getByText('Working').waitFor()
  const streams = async (): Promise<number> => (await server.get('/server')).body.live.streams
  t.equal(await streams(), 1)
  await page.getByRole('link', { name: 'Run', exact: true }).click()
  await page.getByRole('tab', { name: 'Events' }).click()
  await page.getByText('thread.message.delta').waitFor()
  t.equal(await streams(), 1, 'that of the chat has ended')
  await page.getByRole('tab', { name: 'Timeline' }).click()
  await page.getByText('Being written').waitFor()
  while (await streams() > 0);
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByText('cancelled').first().waitFor()
})

test('a key that is not valid any more is asked for again, in place of what the page shows', skip, async t => {
  let isValid = true
  const it = await openConsole(t, { apiKeys: request => request.headers.authorization === 'Bearer sk-right' && isValid ? 'red' : undefined })
  const { page, server } = it
  await server.post('/assistants', { model: 'test-model', name: 'Of red' }, { authorization: 'Bearer sk-right' })
  await it.open()
  await page.getByLabel('API key').fill('ключ')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('does not accept this key').waitFor()
  await page.getByLabel('API key').fill('sk-right')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('Chat with Of red').waitFor()
  isValid = false
  await page.getByRole('link', { name: 'Data' }).click()
  await page.getByLabel('API key').waitFor()
  t.notMatch(await page.locator('body').innerText(), 'Of red')
  isValid = true
  await page.getByLabel('API key').fill('sk-right')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('link', { name: 'Of red' }).waitFor()
})

test('what one key has shown is not there for the next one', skip, async t => {
  const it = await openConsole(t, { apiKeys: { 'sk-red': 'red', 'sk-blue': 'blue' } })
  const { page, server } = it
  await server.post('/assistants', { model: 'test-model', name: 'Of red' }, { authorization: 'Bearer sk-red' })
  await server.post('/threads', { metadata: { title: 'A red secret' } }, { authorization: 'Bearer sk-red' })
  await server.post('/assistants', { model: 'test-model', name: 'Of blue' }, { authorization: 'Bearer sk-blue' })
  await it.open()
  await page.getByLabel('API key').fill('sk-red')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('A red secret').waitFor()
  await page.evaluate('localStorage.setItem("fastify-openai-compat.reply.f", "a red reply")')
  await page.getByRole('link', { name: 'Settings' }).click()
  await page.getByRole('button', { name: 'Forget the key' }).click()
  await page.getByLabel('API key').fill('sk-blue')
  // What the page still knows would be shown before the first answer comes.
  const gate = new Gate()
  await page.route('**/v1/threads?*', async route => { await gate.pass(); await route.continue() })
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('link', { name: 'Chat' }).click()
  await page.getByText('Chat with Of blue').waitFor()
  t.equal(await page.getByText('A red secret').count(), 0)
  gate.open(Infinity)
  t.strictSame(await page.evaluate('Object.values(localStorage)'), [], 'saved replies went with the key')
})

test('a thread that is not there is said to be missing for as long as it is open, and takes no message', skip, async t => {
  const it = await openConsole(t)
  const { page, server } = it
  await newAssistant(server)
  await it.open('#/chat/thread_gone')
  await page.locator('.messages').getByText("No thread found with id 'thread_gone'").waitFor()
  t.ok(await page.getByLabel('Message', { exact: true }).isDisabled())
})

test('what failed to load can be tried again, and stays in sight when only its refreshing fails', skip, async t => {
  const it = await openConsole(t, {}, { mayFail: true })
  const { page, server } = it
  await newAssistant(server, { name: 'Ada' })
  await it.open('#/data/assistants')
  await page.getByRole('link', { name: 'Ada' }).waitFor()
  await page.context().setOffline(true)
  await page.getByRole('button', { name: 'Refresh' }).click()
  await page.getByText('The server cannot be reached.').waitFor()
  await page.getByRole('link', { name: 'Ada' }).waitFor()
  await page.getByRole('tab', { name: 'Files' }).click()
  await page.getByRole('link', { name: 'Ada' }).waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Try again' }).waitFor()
  await page.context().setOffline(false)
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByText('No file here').waitFor()
})

test('the console opens once a server answers that did not at first', skip, async t => {
  const it = await openConsole(t, {}, { mayFail: true })
  const { page, server } = it
  await newAssistant(server, { name: 'Ada' })
  await page.route('**/config.json', async route => await route.abort(), { times: 1 })
  await page.goto(`${new URL(server.baseURL).origin}/console/`)
  await page.getByText('The server cannot be reached.').waitFor()
  await page.getByRole('button', { name: 'Try again' }).click()
  await page.getByText('Chat with Ada').waitFor()
})

test('a browser that stores nothing shows the console all the same', skip, async t => {
  const it = await openConsole(t, { apiKeys: ['sk-right'] })
  const { page } = it
  await page.addInitScript(() => {
    for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(globalThis, name, { get () { throw new DOMException('Access is denied for this document.', 'SecurityError') } })
  })
  await it.open()
  await page.getByLabel('API key').fill('sk-right')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('No assistant yet').waitFor()
})

test('at an address without TLS a chat is had, and text is copied, too', skip, async t => {
  const it = await openConsole(t, { allowedHosts: ['*'], script: [text('Here is a word.')] }, { host: PLAIN_HOST })
  const { page, server } = it
  await newAssistant(server, { name: 'Ada' })
  await it.open()
  t.equal(await page.evaluate('isSecureContext || navigator.clipboard'), undefined, 'the browser gives such pages no clipboard')
  await write(it, 'Say a word')
  const answer = page.getByRole('article', { name: 'Assistant' })
  await answer.getByText('Here is a word.').waitFor()
  await answer.getByRole('button', { name: 'Copy text' }).click()
  await page.getByText('Copied.').waitFor()
  await page.getByLabel('Message', { exact: true }).focus()
  await page.keyboard.press('Control+V')
  t.equal(await page.getByLabel('Message', { exact: true }).inputValue(), 'Here is a word.')
})

test('a run that waits for functions can be cancelled, and takes no message meanwhile', skip, async t => {
  const it = await openConsole(t, { script: [toolCalls([{ name: 'f', arguments: {}, id: 'call_1' }, { name: 'g', arguments: {}, id: 'call_2' }])] })
  const { page, server } = it
  await newAssistant(server, { name: 'Ada', tools: ['f', 'g'].map(name => ({ type: 'function', function: { name, parameters: { type: 'object' } } })) })
  await it.open()
  await write(it, 'Call')
  const form = page.getByRole('form', { name: 'Function calls' })
  await form.waitFor()
  t.ok(await page.getByLabel('Message', { exact: true }).isDisabled())
  await form.getByRole('button', { name: 'Cancel the run' }).click()
  await page.getByText('Stopped.').waitFor()
  await form.waitFor({ state: 'detached' })
  t.notOk(await page.getByLabel('Message', { exact: true }).isDisabled())
})

test('a run that ended early is said to be incomplete, and one that expired has an end', skip, async t => {
  const it = await openConsole(t, { script: [toolCalls([{ name: 'f', arguments: {}, id: 'call_1' }], { finish: 'length' })] })
  const { page, server } = it
  const assistant = await newAssistant(server, { name: 'Ada', tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }] })
  const thread = await newThread(server, 'Hello')
  const { body: run } = await server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  for (;;) if ((await server.get(`/threads/${thread.id}/runs/${run.id}`)).body.status === 'incomplete') break
  await it.open(`#/chat/${thread.id}`)
  await page.getByText('The answer is incomplete: max completion tokens.').waitFor()
})

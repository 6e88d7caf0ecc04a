import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { root } from '../helpers/paths.js'
import { startCli } from '../helpers/process.js'
import { startUpstream, text, toolCalls } from '../helpers/upstream.js'
import { watchOf } from '../helpers/watch.js'
import { pdf } from '../retrieval/helpers/documents.js'
import { accessibilityFaults, noBrowser, openPage } from './helpers/browser.js'

const pictures = process.env.UPDATE_DOCS === '1' ? join(root, 'docs') : join(root, 'build/console')
mkdirSync(pictures, { recursive: true })

const PAGES = ['Visitors. The zoo is open every day of the year.', 'Animals. The zebra house opens at nine in the morning.']

test('from an empty folder to a cited answer about a PDF, with no more than the terminal says', { skip: noBrowser }, async t => {
  // What is begun first ends last: its complaints are to stop nothing from being closed.
  watchOf(t)
  const upstream = await startUpstream(t, {
    script: [toolCalls([{ name: 'file_search', arguments: { query: 'zebra house opens' } }]), text(['The zebra house opens at nine in the morning', '【0:0†visitors.pdf】', '.'])]
  })
  const { ready, logged } = startCli(t, { args: ['--port', '0', '--base-url', upstream.url, '--upstream-key', 'sk-upstream'] })
  await ready
  const { msg } = await logged('the console is at')
  const address = /http:\S+/.exec(msg)![0]
  const page = await openPage(t, new URL(address).origin, { viewport: { width: 1280, height: 800 } })
  const picture = async (name: string): Promise<void> => { await page.screenshot({ path: join(pictures, `console-first-${name}.png`), animations: 'disabled' }) }

  await page.goto(address)
  await page.getByRole('button', { name: 'New assistant' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('Zoo guide')
  await dialog.getByLabel('Model').fill('test-model')
  await dialog.getByRole('button', { name: 'Create' }).click()
  await dialog.waitFor({ state: 'detached' })

  await page.locator('.composer input[type=file]').setInputFiles({ name: 'visitors.pdf', mimeType: 'application/pdf', buffer: Buffer.from(pdf(...PAGES)) })
  await page.getByLabel('Attached files').getByText('visitors.pdf').waitFor()
  await page.getByLabel('Message', { exact: true }).fill('When does the zebra house open?')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Citation 1' }).waitFor()
  await page.getByRole('button', { name: 'Send' }).waitFor()
  await picture('answer')

  await page.getByRole('button', { name: 'Citation 1' }).click()
  const passage = page.getByRole('dialog', { name: 'visitors.pdf' })
  await passage.locator('mark').getByText(PAGES[1]!).waitFor()
  t.match(await passage.innerText(), /Found with a score of \d\.\d\d, from page 1 on\./)
  await picture('citation')
  t.strictSame(await accessibilityFaults(page), [])
})

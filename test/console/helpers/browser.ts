/** Debian's Chromium with the console in it. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, type BrowserContextOptions, type Page } from 'playwright-core'
import type { Test } from 'tap'
import openaiCompatConsole from '../../../lib/console/console.js'
import { startServer, type TestServer, type TestServerOptions } from '../../helpers/server.js'
import { watchOf } from '../../helpers/watch.js'

const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(path => path !== undefined && existsSync(path))

/** Why the tests are skipped; false when there is a browser. */
export const noBrowser: string | false = executablePath === undefined ? 'no Chromium: apt-get install chromium' : false

/** A name of this machine that the browser does not trust as it trusts 127.0.0.1: as a server on a local network without TLS. */
export const PLAIN_HOST = 'plain.test'

const LAUNCH = { ...executablePath === undefined ? {} : { executablePath }, args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb', `--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`] }

export interface Console {
  page: Page
  server: TestServer
  /** Opens a screen by its address behind `#`. */
  open (hash?: string): Promise<void>
}

export interface PageOptions extends BrowserContextOptions {
  /** Whether requests of the page may fail. Default false: then one that does fails the test. */
  mayFail?: boolean
}

/** A server with the console, and a page on it as `openPage` has it. */
export async function openConsole (t: Test, options: TestServerOptions = {}, { host = '127.0.0.1', ...context }: PageOptions & { host?: string } = {}): Promise<Console> {
  const server = await startServer(t, {
    ...options,
    prepare: async app => {
      await options.prepare?.(app)
      await app.register(openaiCompatConsole)
    }
  })
  const origin = new URL(server.baseURL).origin.replace('127.0.0.1', host)
  const page = await openPage(t, origin, context)
  return {
    page,
    server,
    async open (hash = '') {
      await page.goto(`${origin}/console/${hash}`)
      await page.reload()
    }
  }
}

/** A page of a server. The test fails when it logs an error, breaks its policy, sets a cookie, or asks anything of another server. */
export async function openPage (t: Test, origin: string, { mayFail = false, ...context }: PageOptions = {}): Promise<Page> {
  const watch = watchOf(t)
  const browser = await chromium.launch(LAUNCH)
  const opened = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...context })
  const page = await opened.newPage()
  page.setDefaultTimeout(30_000)
  const problems: string[] = []
  page.on('pageerror', error => problems.push(String(error.stack)))
  // Of a policy that holds for addresses with TLS alone browsers say that it does not hold at others.
  const expected = mayFail ? /the server responded with a status of 4|Cross-Origin-Opener-Policy header has been ignored|net::ERR_/ : /the server responded with a status of 4|Cross-Origin-Opener-Policy header has been ignored/
  page.on('console', message => { if (message.type() === 'error' && !expected.test(message.text())) problems.push(message.text()) })
  page.on('request', request => { if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).origin !== origin) problems.push(`asked for ${request.url()}`) })
  page.on('dialog', dialog => { problems.push(`a dialog: ${dialog.message()}`); dialog.dismiss().catch(() => {}) })
  t.teardown(async () => {
    const cookies = await opened.cookies()
    await browser.close()
    problems.push(...cookies.map(({ name }) => `a cookie: ${name}`))
    // Not thrown from here, where it would keep what was opened before the page from being closed.
    for (const problem of problems) watch.report(`the page: ${problem}`)
  })
  return page
}

const axeSource = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** What axe finds wrong with the page as it is, a sentence each. */
export async function accessibilityFaults (page: Page): Promise<string[]> {
  // Through the debugger: the policy of the page lets in no script of ours.
  const { readFile } = await import('node:fs/promises')
  await page.evaluate(await readFile(axeSource, 'utf8'))
  const violations = await page.evaluate(async () => (await (globalThis as any).axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] })).violations) as { id: string, help: string, nodes: { html: string, failureSummary: string }[] }[]
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html.slice(0, 160)}: ${failureSummary}`))
}

import { spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type Test } from 'tap'
import { freePort } from '../helpers/free-port.js'
import { root } from '../helpers/paths.js'
import { startCli, startProcess } from '../helpers/process.js'
import { connectTo, newAssistant, newThread } from '../helpers/server.js'
import { Gate, startUpstream, text } from '../helpers/upstream.js'

// The proxies' certificates are made for the test.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'

const file = (name: string): string => readFileSync(join(root, 'deploy', name), 'utf8')
const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).status === 0
const MEGABYTE = 1024 ** 2

/** Starts a proxy in front of the server at `upstream`, `host:port`. Its address, and that of its port without TLS. */
type Start = (t: Test, upstream: string) => Promise<{ url: string, plain: string }>

async function startNginx (t: Test, upstream: string): ReturnType<Start> {
  const [port, plainPort] = [await freePort(), await freePort()]
  // All that differs from the file as it is shipped: address, name, ports and certificate.
  const site = file('nginx.conf')
    .replace('server 127.0.0.1:8080;', `server ${upstream};`)
    .replaceAll('api.example.com', 'localhost')
    .replace('listen 80;', `listen 127.0.0.1:${plainPort};`)
    .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
    .replace(/ssl_certificate .*/, 'ssl_certificate cert.pem;')
    .replace(/ssl_certificate_key .*/, 'ssl_certificate_key key.pem;')
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path temp-${name};`).join(' ')
  const cwd = t.testdir({
    'site.conf': site,
    'main.conf': `daemon off; master_process off; pid pid; error_log stderr; ${process.getuid?.() === 0 ? 'user root;' : ''} events {} http { access_log off; ${temporary} include site.conf; }`
  })
  spawnSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', '-keyout', 'key.pem', '-out', 'cert.pem'], { cwd })
  const check = spawnSync('nginx', ['-t', '-p', cwd, '-c', 'main.conf'], { encoding: 'utf8' })
  t.equal(check.status, 0, check.stderr)
  startProcess(t, 'nginx', { args: ['-p', cwd, '-c', 'main.conf'], cwd })
  return { url: `https://localhost:${port}`, plain: `http://localhost:${plainPort}` }
}

async function startCaddy (t: Test, upstream: string): ReturnType<Start> {
  const [port, plainPort] = [await freePort(), await freePort()]
  const global = `{\nadmin off\nskip_install_trust\nhttp_port ${plainPort}\n}\n`
  const cwd = t.testdir({ Caddyfile: global + file('Caddyfile') })
  startProcess(t, 'caddy', { args: ['run', '--config', 'Caddyfile'], cwd, env: { SITE: `https://localhost:${port}`, UPSTREAM: upstream, XDG_DATA_HOME: cwd, XDG_CONFIG_HOME: cwd, HOME: cwd } })
  return { url: `https://localhost:${port}`, plain: `http://localhost:${plainPort}` }
}

for (const [name, start, isThere] of [['nginx', startNginx, has('nginx', '-v') && has('openssl', 'version')], ['caddy', startCaddy, has('caddy', 'version')]] as const satisfies readonly (readonly [string, Start, boolean])[]) {
  test(`behind ${name}, as it is configured in deploy/, events come as the model says them, uploads pass whole, and metrics stay inside`, { skip: isThere ? false : `there is no ${name}` }, async t => {
    const upstream = await startUpstream(t)
    const gate = new Gate()
    upstream.respond(() => text(['Once', gate, ' upon a time']))
    const cli = startCli(t, { args: ['--port', '0', '--storage', 'memory:', '--base-url', upstream.url, '--api-key', 'sk-first'] })
    const { host } = new URL(await cli.ready)
    const { url, plain } = await start(t, host)
    const server = connectTo(t, `${url}/v1`, { authorization: 'Bearer sk-first' })
    while (!await fetch(`${url}/v1/health`).then(({ status }) => status === 200, () => false));

    const [assistant, thread] = [await newAssistant(server), await newThread(server, 'Tell me a story.')]
    const reader = await server.stream(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
    t.match(await reader.until('thread.message.delta'), { delta: { content: [{ text: { value: 'Once' } }] } }, 'while the model still speaks')
    gate.open(Infinity)
    await reader.until('thread.run.completed')

    const bytes = randomBytes(24 * MEGABYTE)
    const client = server.client(undefined, { apiKey: 'sk-first' })
    const sent = await client.files.create({ file: new File([bytes], 'large.bin'), purpose: 'user_data' as never })
    const back = Buffer.from(await (await client.files.content(sent.id)).arrayBuffer())
    t.equal(createHash('sha256').update(back).digest('hex'), createHash('sha256').update(bytes).digest('hex'))

    t.equal((await fetch(`${url}/metrics`)).status, 404)
    t.not((await fetch(`${url}/v1/metrics`)).status, 200)
    t.equal((await fetch(`http://${host}/metrics`)).status, 200, 'for this machine they are there')
    const redirected = await fetch(`${plain}/v1/models`, { redirect: 'manual' })
    t.ok([301, 308].includes(redirected.status))
    t.match(redirected.headers.get('location'), /^https:/)
  })
}

import { execFileSync } from 'node:child_process'
import { test } from 'tap'
import { COMMANDS, type CommandName } from '../../lib/cli/commands.js'
import { helpText } from '../../lib/cli/help.js'
import { readyText, storageName, toolLines } from '../../lib/cli/messages.js'

const baseUrl = 'http://127.0.0.1:8080/v1'

test('the first line ends in the base URL, and the second is a request', t => {
  const [first, second, ...rest] = readyText(baseUrl, { model: undefined, needsKey: false }).split('\n')
  t.match(first, / http:\/\/127\.0\.0\.1:8080\/v1$/)
  t.equal(second, `curl ${baseUrl}/models`)
  t.strictSame(rest, [''])
  t.end()
})

test('a shell takes the request apart as it is meant, whatever the name of the model', t => {
  const model = 'it\'s "$HOME" `x` \\ 模型'
  const [, request = ''] = readyText(baseUrl, { model, needsKey: true }).split('\n')
  const args = execFileSync('sh', ['-c', request.replace('curl', 'printf "%s\\n"')], { encoding: 'utf8', env: { ...process.env, API_KEY: 'sk-1' } }).split('\n')
  t.ok(args.includes('Authorization: Bearer sk-1'))
  t.match(JSON.parse(args.at(-2)!), { model, stream: true })
  t.end()
})

test('the log names the embedding model and the sandbox, or says when they are found out', t => {
  const [words, code] = toolLines({})
  t.match(words, /words, and by an embedding model if a provider has one/)
  t.match(code, /strongest sandbox .* "sandbox check"/)
  t.strictSame(toolLines({ retrieval: { embeddings: 'none' }, codeInterpreter: 'off' }), ['files are searched by words alone', 'code_interpreter runs no code: it is off'])
  t.strictSame(toolLines({ retrieval: { embeddings: { model: 'bge-m3' } }, codeInterpreter: { backend: 'bubblewrap' } }), ['files are searched by words and by the embedding model bge-m3', 'code_interpreter runs code in bubblewrap'])
  t.strictSame(toolLines({ codeInterpreter: { allowWeak: true } }), toolLines({ codeInterpreter: 'auto' }))
  t.end()
})

test('a storage is named without its user, password and parameters', t => {
  t.equal(storageName('sqlite:./data/a.db'), 'sqlite:./data/a.db')
  t.equal(storageName('redis://:sec@ret@host:6379/1'), 'redis://host:6379/1')
  t.equal(storageName('postgres://user:secret@host/db?sslmode=require&password=secret'), 'postgres://host/db')
  t.equal(storageName({} as never), 'the storage of the config file')
  t.equal(storageName(undefined), 'the storage of the config file')
  t.end()
})

test('every help can be read on a terminal of 80 columns', t => {
  for (const name of [undefined, ...Object.keys(COMMANDS) as CommandName[]]) {
    t.strictSame(helpText(name).split('\n').filter(line => line.length > 80), [], name ?? 'of the server')
  }
  t.end()
})

import { spawnSync } from 'node:child_process'
import { test, type Test } from 'tap'
import { COMMANDS, SERVER_FLAGS, type CommandRow } from '../../lib/cli/commands.js'
import { completionScript, SHELLS, type Shell } from '../../lib/cli/completion.js'

const has = (shell: string): boolean => spawnSync(shell, ['-c', ':']).status === 0

/** What bash offers for a line whose last word is being typed. */
function offered (...words: string[]): string[] {
  const line = ['fastify-openai-compat', ...words]
  const script = `${completionScript('bash')}\nCOMP_WORDS=(${line.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${line.length - 1}\n_fastify_openai_compat\nprintf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr, status } = spawnSync('bash', ['-c', script], { encoding: 'utf8' })
  if (status !== 0 || stderr !== '') throw new Error(stderr)
  return stdout.split('\n').filter(word => word !== '')
}

const skip = has('bash') ? false : 'there is no bash'

test('bash completes every command and every option of it', { skip }, async t => {
  t.strictSame(offered('').sort(), [...new Set(Object.keys(COMMANDS).map(name => name.split(' ')[0] as string)), ...Object.keys(SERVER_FLAGS).map(flag => `--${flag}`)].sort())
  for (const [name, { flags, words = [] }] of Object.entries<CommandRow>(COMMANDS)) {
    t.strictSame(offered(...name.split(' '), '--').sort(), [...Object.keys(flags), 'help'].map(flag => `--${flag}`).sort(), name)
    for (const word of words) t.ok(offered(...name.split(' '), '').includes(word), `${name} ${word}`)
  }
})

test('bash completes what has begun, the second word of a command, and values as files', { skip }, async t => {
  t.strictSame(offered('exp'), ['export'])
  t.strictSame(offered('sandbox', 'c'), ['check'])
  t.strictSame(offered('--st'), ['--storage'])
  t.strictSame(offered('export', '--out', '/etc/pass').filter(path => path === '/etc/passwd'), ['/etc/passwd'])
  t.strictSame(offered('completion', 'z'), ['zsh'])
})

/** A folder with the script of a shell, in which it may also keep what it likes. */
const folderOf = (t: Test, shell: Shell): string => t.testdir({ script: completionScript(shell) })

test('fish offers what fits at each place, and no word again', { skip: has('fish') ? false : 'there is no fish' }, async t => {
  const cwd = folderOf(t, 'fish')
  const offers = (typed: string): string[] => {
    const { stdout, stderr } = spawnSync('fish', ['-c', `source script; complete -C 'fastify-openai-compat ${typed}'`], { cwd, encoding: 'utf8', env: { ...process.env, HOME: cwd } })
    if (stderr !== '') throw new Error(stderr)
    return stdout.split('\n').filter(line => line !== '').map(line => line.split('\t')[0]!)
  }
  t.strictSame(offers('exp'), ['export'])
  t.strictSame(offers('sandbox c'), ['check'])
  t.strictSame(offers('--st'), ['--storage'])
  t.strictSame(offers('assistants '), ['ls', 'rm', 'show'])
  t.notOk(offers('assistants ls ').includes('show'))
  t.strictSame(offers('assistants ls --li'), ['--limit'])
  t.ok(offers('export --out /etc/pass').includes('/etc/passwd'))
  t.strictSame(offers('completion z'), ['zsh'])
})

test('zsh completes what is typed, at a terminal', { skip: has('zsh') ? false : 'there is no zsh' }, async t => {
  const cwd = folderOf(t, 'zsh')
  const cases = [['exp', 'export '], ['sandbox ch', 'sandbox check '], ['--st', '--storage '], ['assistants ls --li', 'assistants ls --limit '], ['export --out /etc/passw', 'export --out /etc/passwd'], ['completion z', 'completion zsh ']] as const
  for (const [typed, whole] of cases) {
    const line = `fastify-openai-compat ${whole}`
    const driver = [
      'zmodload zsh/zpty',
      'zpty z zsh -f -i',
      'zpty -w z "PS1=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; source ./script; print READ\\Y"',
      'zpty -r -m z seen "*READY*"',
      `zpty -w -n z $'fastify-openai-compat ${typed}\\t'`,
      `zpty -r -m z seen "*${line}*"`,
      'zpty -d z'
    ].join('\n')
    const { status, stderr } = spawnSync('zsh', ['-f', '-c', driver], { cwd, encoding: 'utf8', timeout: 20_000, env: { ...process.env, HOME: cwd, TERM: 'dumb', COLUMNS: '300' } })
    t.equal(status, 0, `${line} ${stderr}`)
  }
})

for (const shell of SHELLS) {
  test(`${shell} reads its script`, { skip: has(shell) ? false : `there is no ${shell}` }, async t => {
    const { stderr, status } = spawnSync(shell, ['-n', 'script'], { cwd: folderOf(t, shell), encoding: 'utf8' })
    t.equal(status, 0, stderr)
  })

  test(`the script for ${shell} knows every command and option`, async t => {
    const script = completionScript(shell)
    for (const [name, { flags }] of Object.entries<CommandRow>(COMMANDS)) {
      for (const word of name.split(' ')) t.match(script, word)
      for (const flag of Object.keys(flags)) t.ok(script.includes(shell === 'fish' ? `-l ${flag} ` : `--${flag}`), `${name} --${flag}`)
    }
  })
}

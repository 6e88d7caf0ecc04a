import { spawnSync } from 'node:child_process'
import { test } from 'tap'
import { COMMANDS, SERVER_FLAGS, type CommandRow } from '../../lib/cli/commands.js'
import { completionScript, SHELLS } from '../../lib/cli/completion.js'

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

for (const shell of SHELLS) {
  test(`${shell} reads its script`, { skip: has(shell) ? false : `there is no ${shell}` }, async t => {
    const { stderr, status } = spawnSync(shell, ['-n'], { input: completionScript(shell), encoding: 'utf8' })
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

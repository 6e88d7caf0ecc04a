import { test } from 'tap'
import { startExample } from './helpers.js'

for (const name of ['json-folder-store', 'sqlite-blob-store', 'ollama-provider', 'dice-tool']) {
  test(`examples/extending/${name}.ts does what the conformance suite asks for, with the runner of Node`, async t => {
    const { exited } = startExample(t, `extending/${name}.test.js`, { args: ['--test-reporter', 'tap'] })
    const { code, stdout, stderr } = await exited
    const count = (what: string): number => Number(new RegExp(`^# ${what} (\\d+)$`, 'm').exec(stdout)?.[1])
    if (code !== 0) t.comment(stdout)
    t.strictSame({ code, stderr, failed: count('fail'), cancelled: count('cancelled') }, { code: 0, stderr: '', failed: 0, cancelled: 0 })
    t.ok(count('pass') >= 12, `${count('pass')} passed`)
  })
}

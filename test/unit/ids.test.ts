import { test } from 'tap'
import { newId } from '../../lib/shared/ids.js'

test('ids have the forms of the real API, use every letter, and never repeat', async t => {
  const forms: Record<string, RegExp> = {
    message: /^msg_[0-9A-Za-z]{24}$/, file: /^file-[0-9A-Za-z]{22}$/, vectorStore: /^vs_[0-9a-f]{32}$/, request: /^req_[0-9a-f]{32}$/, chatCompletion: /^chatcmpl-[0-9A-Za-z]{29}$/
  }
  for (const [kind, form] of Object.entries(forms)) {
    const ids = Array.from({ length: 5000 }, () => newId[kind as keyof typeof newId]())
    t.ok(ids.every(id => form.test(id)), kind)
    t.equal(new Set(ids).size, ids.length, `${kind}: none twice`)
    const letters = new Set(ids.map(id => id.replace(/^[a-z]+[_-]/, '')).join(''))
    t.equal(letters.size, form.source.includes('A-Z') ? 62 : 16, `${kind}: every letter`)
  }
})

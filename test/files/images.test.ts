import { test } from 'tap'
import { newAssistant, stopped } from '../helpers/server.js'
import { text } from '../helpers/upstream-replies.js'
import { startFileServer, type FileServer } from './helpers.js'

const PNG = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')

async function ask ({ server }: FileServer, ...ids: string[]): Promise<any> {
  const assistant = await newAssistant(server)
  const content = [{ type: 'text', text: 'What is this?' }, ...ids.map(id => ({ type: 'image_file', image_file: { file_id: id, detail: 'low' } }))]
  const { body: thread } = await server.post('/threads', { messages: [{ role: 'user', content }] })
  return { assistant, thread, content }
}

async function promptOf (files: FileServer, { assistant, thread }: any): Promise<any> {
  files.server.upstream.enqueue(text('An image.'))
  const { body: run } = await files.server.post(`/threads/${thread.id}/runs`, { assistant_id: assistant.id })
  const request = await files.server.upstream.next()
  await stopped(files.server, run)
  return (request.body as any).messages.find((message: any) => message.role === 'user').content
}

test('an image that is a file reaches the model with its bytes, and clients with its id', async t => {
  const files = await startFileServer(t)
  const { id } = await files.upload(PNG, 'dot.PNG', 'vision')
  const asked = await ask(files, id)
  t.match((await files.server.get(`/threads/${asked.thread.id}/messages`)).body.data[0].content[1], { type: 'image_file', image_file: { file_id: id, detail: 'low' } })
  t.strictSame(await promptOf(files, asked), [
    { type: 'text', text: 'What is this?' },
    { type: 'image_url', image_url: { url: `data:image/png;base64,${PNG.toString('base64')}`, detail: 'low' } }
  ])
})

test('an image that was deleted since, or is too large, is named to the model instead', async t => {
  const files = await startFileServer(t, { limits: { imageBytes: 1000 } })
  const [gone, large, small] = [await files.upload(PNG, 'gone.png'), await files.upload(Buffer.alloc(1001), 'large.gif'), await files.upload('GIF89a', 'small.gif')]
  const asked = await ask(files, gone.id, large.id, small.id)
  await files.server.delete(`/files/${gone.id}`)
  const prompt = await promptOf(files, asked)
  t.strictSame(prompt.slice(1), [
    { type: 'text', text: `[The image ${gone.id} was deleted.]` },
    { type: 'text', text: '[The image large.gif is too large to be shown.]' },
    { type: 'image_url', image_url: { url: `data:image/gif;base64,${Buffer.from('GIF89a').toString('base64')}`, detail: 'low' } }
  ])
})

test('a file that is no image, or no file at all, is refused where it stands', async t => {
  const files = await startFileServer(t)
  const message = (id: string) => ({ role: 'user', content: [{ type: 'image_file', image_file: { file_id: id } }] })
  for (const [name, extension] of [['notes.txt', '.txt'], ['upload', 'none']]) {
    const { id } = await files.upload('abc', name)
    t.match(await files.server.post('/threads', { messages: [message(id)] }), {
      status: 400,
      body: { error: { message: `Invalid message content: Expected file type to be a supported format: .jpeg, .jpg, .png, .gif, .webp but got ${extension}.`, param: 'messages[0].content' } }
    })
  }
  const { body: thread } = await files.server.post('/threads')
  t.match(await files.server.post(`/threads/${thread.id}/messages`, message('file-x')), { status: 404, body: { error: { message: 'Files [file-x] were not found', param: 'content' } } })
  t.match(await files.server.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'x', attachments: [{ file_id: 'file-x', tools: [] }, { file_id: 'file-y', tools: [] }] }),
    { status: 404, body: { error: { message: 'Files [file-x, file-y] were not found' } } })
})

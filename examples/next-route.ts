// app/api/chat/route.ts of a Next.js application: a thread per visitor, the answer streamed as text.
import OpenAI from 'openai'

const openai = new OpenAI({ baseURL: process.env.OPENAI_BASE_URL ?? 'http://127.0.0.1:8080/v1', apiKey: process.env.OPENAI_API_KEY ?? 'none' })
let assistant: Promise<OpenAI.Beta.Assistant> | undefined

export async function POST (request: Request): Promise<Response> {
  const { message, threadId } = await request.json() as { message: string, threadId?: string }
  assistant ??= openai.beta.assistants.create({ model: process.env.MODEL ?? 'echo', instructions: 'Be concise.' })
  const { id: assistantId } = await assistant
  const thread = threadId ?? (await openai.beta.threads.create()).id
  await openai.beta.threads.messages.create(thread, { role: 'user', content: message })

  const run = openai.beta.threads.runs.stream(thread, { assistant_id: assistantId })
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    start (controller) {
      run.on('textDelta', ({ value }) => controller.enqueue(encoder.encode(value ?? '')))
      run.finalRun().then(() => controller.close(), error => controller.error(error))
    },
    // The visitor has left. The run goes on, and its answer is in the thread.
    cancel: () => run.abort()
  })
  return new Response(body, { headers: { 'content-type': 'text/plain; charset=utf-8', 'x-thread-id': thread } })
}

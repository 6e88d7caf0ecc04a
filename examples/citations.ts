import OpenAI from 'openai'

const openai = new OpenAI({ baseURL: process.env.OPENAI_BASE_URL ?? 'http://127.0.0.1:8080/v1', apiKey: process.env.OPENAI_API_KEY ?? 'none' })

const handbook = new File(['The zoo is open every day.\n\nThe aquarium is closed on Mondays.\n'], 'handbook.md')
const store = await openai.vectorStores.create({ name: 'Handbook' })
await openai.vectorStores.files.uploadAndPoll(store.id, handbook)

const assistant = await openai.beta.assistants.create({
  model: process.env.MODEL ?? 'echo',
  instructions: 'Answer from the handbook.',
  tools: [{ type: 'file_search' }],
  tool_resources: { file_search: { vector_store_ids: [store.id] } }
})
const thread = await openai.beta.threads.create({ messages: [{ role: 'user', content: process.argv[2] ?? 'When is the aquarium closed?' }] })
const run = await openai.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id })
if (run.status !== 'completed') throw new Error(run.last_error?.message ?? run.status)

// Citations stand in the text as the model wrote them; here they become footnotes.
const { data: [answer] } = await openai.beta.threads.messages.list(thread.id, { limit: 1 })
for (const part of answer?.content ?? []) {
  if (part.type !== 'text') continue
  const notes: string[] = []
  let text = part.text.value
  for (const annotation of part.text.annotations) {
    if (annotation.type !== 'file_citation') continue
    const file = await openai.files.retrieve(annotation.file_citation.file_id)
    text = text.replace(annotation.text, ` [${notes.push(file.filename)}]`)
  }
  console.log(text)
  for (const [i, name] of notes.entries()) console.log(`[${i + 1}] ${name}`)
}

import type { ApiClient } from '../../helpers/server.js'
import { text, toolCalls } from '../../helpers/upstream.js'
import { uploaded } from '../../vector-stores/helpers/searcher.js'
import { INCLUDE, pathOf, type Flows, type Scene } from '../scene.js'
import { call, clientTool } from './tools.js'

/** A call of the search. */
export const find = (query: string) => ({ name: 'file_search', arguments: { query }, id: `call_find_${query}` })

/** A file for one store; the names of files with equal scores would come in any order, so no two texts are alike. */
const BIRDS = ['birds.md', 'Penguins live in Antarctica. They are birds that swim.'] as const
const FISH = ['fish.md', 'Sharks live in the sea. Sharks are fish, and sharks have teeth.'] as const

/** The fields of an assistant that searches the two files. They are indexed once on every server: that takes longer than a search. */
export async function searching (scene: Scene, ...tools: object[]): Promise<object> {
  return { tools: [{ type: 'file_search' }, ...tools], tool_resources: { file_search: { vector_store_ids: [await scene.vectorStore(index)] } } }
}

/** One file after the other, so that they share a thread. */
async function index (api: ApiClient): Promise<string> {
  const { body: { id } } = await api.post('/vector_stores')
  for (const [name, content] of [BIRDS, FISH]) {
    const { status } = await api.post(`/vector_stores/${id}/files`, { file_id: await uploaded(api, name, content) })
    if (status !== 200) throw new Error(`the file was not taken: ${status}`)
    while ((await api.get(`/vector_stores/${id}`)).body.status !== 'completed');
  }
  return id
}

const asked = `?${INCLUDE}`
const all = { include: true }

/** Runs that search files. Each is left with its steps read both with and without `include[]`. */
export const search: Flows = {
  'search-once': {
    about: 'One search, and an answer that cites it.',
    async play (scene) {
      scene.model(toolCalls([find('penguins')]), text(['In the', ' south', '【0:0†birds.md】', '.']))
      await scene.leave(await scene.run({}, await searching(scene)), all)
    }
  },

  'search-once-polled': {
    about: 'One search of a run that is not streamed.',
    async play (scene) {
      scene.model(toolCalls([find('penguins')]), text(['In the', ' south', '【0:0†birds.md】', '.']))
      await scene.leave(await scene.create({}, await searching(scene)), all)
    }
  },

  'search-once-include': {
    about: 'One search of a run whose creator has asked for the text of results: the events show it.',
    async play (scene) {
      scene.model(toolCalls([find('penguins')]), text(['In the', ' south', '【0:0†birds.md】', '.']))
      const run = await scene.run({}, await searching(scene), asked)
      const { data: [step] } = await scene.steps(run)
      await scene.get(`${pathOf(run)}/steps/${step.id}`)
      await scene.get(`${pathOf(run)}/steps/${step.id}${asked}`)
      await scene.leave(run, all)
    }
  },

  'search-twice-in-a-turn': {
    about: 'Two searches in one turn, and an answer that cites both.',
    async play (scene) {
      scene.model(toolCalls([find('penguins'), find('sharks')]), text(['South【0:0†birds.md】', ' and sea【1:0†fish.md】【0:0†birds.md】.']))
      await scene.leave(await scene.run({}, await searching(scene), asked), all)
    }
  },

  'search-in-two-turns': {
    about: 'A search in each of two turns, with words before the second; the answer cites both, and the last in the older form.',
    async play (scene) {
      scene.model(
        toolCalls([find('penguins')]),
        toolCalls([find('sharks')], { textBefore: 'South【0:0†birds.md】, and what else?' }),
        text(['South【0:0†birds.md】', ' and sea【1:0†fish.md】, the sea【0†source】.'])
      )
      await scene.leave(await scene.run({}, await searching(scene)), all)
    }
  },

  'search-marker-split': {
    about: 'The marker of a citation comes in pieces, and two come in one.',
    async play (scene) {
      scene.model(toolCalls([find('penguins live')]), text(['South【', '0', ':0†bir', 'ds.md', '】, and', ' more【0:1†fish.md】【0:0†birds.md】', '.']))
      await scene.leave(await scene.run({}, await searching(scene)), all)
    }
  },

  'search-marker-of-nothing': {
    about: 'What looks like a marker, but stands for no result, stays bare text.',
    async play (scene) {
      scene.model(toolCalls([find('penguins')]), text(['One【7:0†birds.md】', ' two【0:9†birds.md】 three【', 'a:b†c】 four【0:0†birds.md', ' and no end.']))
      await scene.leave(await scene.run({}, await searching(scene)), all)
    }
  },

  'search-finds-nothing': {
    about: 'A search for nothing, one with arguments that are none, and one that finds nothing.',
    async play (scene) {
      scene.model(toolCalls([find(''), { name: 'file_search', arguments: '{"que', id: 'call_cut' }, find('xylophone')]), text('I found nothing【0:0†birds.md】.'))
      await scene.leave(await scene.run({}, await searching(scene)), all)
    }
  },

  'search-forced': {
    about: 'The search is forced, and may give one result.',
    async play (scene) {
      scene.model(toolCalls([find('penguins live')]), text('South【0:0†birds.md】.'))
      const tool = { type: 'file_search', file_search: { max_num_results: 1, ranking_options: { ranker: 'auto', score_threshold: 0.1 } } }
      await scene.leave(await scene.run({ tools: [tool], tool_choice: { type: 'file_search' } }, await searching(scene)), all)
    }
  },

  'search-after-function': {
    about: 'A function and, behind it, a search in the same turn: the client answers the one, the server the other.',
    async play (scene) {
      scene.model(toolCalls([call('weather'), find('penguins')]), text('Sunny, in the south【0:0†birds.md】.'))
      const run = await scene.run({}, await searching(scene, clientTool('weather')), asked)
      await (await scene.submit(run, { call_weather_Rome: 'sun' })).all()
      await scene.leave(run, all)
    }
  },

  // A fault that is known, and a recording of its own so that its mending shows there and nowhere else: the search is call 0, but its first
  // delta comes behind those of the function, which is call 1.
  'search-before-function': {
    about: 'A search and, behind it, a function in the same turn. KNOWN FAULT: the deltas of the function (index 1) come before that of the search (index 0).',
    async play (scene) {
      scene.model(toolCalls([find('penguins'), call('weather')]), text('Sunny, in the south【0:0†birds.md】.'))
      const { path, body } = await scene.runnable(await searching(scene, clientTool('weather')))
      const reader = await scene.streamUnchecked(path + asked, body)
      const run = await reader.until('thread.run.created')
      await reader.all()
      await (await scene.submit(run, { call_weather_Rome: 'sun' })).all()
      await scene.leave(run, all)
    }
  },

  'search-next-run': {
    about: 'The next run of the thread: what was found is no part of its prompt, and old markers stand for nothing.',
    async play (scene) {
      scene.model(toolCalls([find('penguins')]), text('South【0:0†birds.md】.'), text('As I said【0:0†birds.md】.'))
      const { path, body } = await scene.runnable(await searching(scene))
      await scene.rested((await scene.post(path, body)).body)
      const reader = await scene.stream(path, { ...body, additional_messages: [{ role: 'user', content: 'Sure?' }] })
      const run = await reader.until('thread.run.created')
      await reader.all()
      await scene.leave(run, all)
    }
  },

  'search-attachment': {
    about: 'A file that is attached to a message is searched together with those of the assistant.',
    async play (scene) {
      const assistant = await searching(scene)
      const api = await scene.api()
      const fileId = await uploaded(api, 'zoo.md', 'The zoo has penguins, penguins and penguins, and is open on Sundays.')
      const { body } = await scene.runnable(assistant)
      scene.model(toolCalls([find('penguins zoo')]), text('Zoo【0:0†zoo.md】.'))
      const thread = { messages: [{ role: 'user', content: 'Where?', attachments: [{ file_id: fileId, tools: [{ type: 'file_search' }] }] }] }
      const reader = await scene.stream('/threads/runs', { ...body, thread })
      const run = await reader.until('thread.run.created')
      await reader.all()
      await scene.leave(run, all)
    }
  }
}

import { Gate, reasoning, refusal, text } from '../../helpers/upstream.js'
import type { Flows } from '../scene.js'

/** Runs in which the model only speaks. */
export const plain: Flows = {
  'plain-streamed': {
    about: 'A run is streamed from its creation to its end.',
    async play (scene) {
      scene.model(text('Hello world, and you.'))
      await scene.leave(await scene.run())
    }
  },

  'plain-polled': {
    about: 'A run is created, and asked for until it has ended.',
    async play (scene) {
      scene.model(text('Hello world, and you.'))
      await scene.leave(await scene.create())
    }
  },

  'plain-refusal': {
    about: 'The model refuses.',
    async play (scene) {
      scene.model(refusal('I will not.'))
      await scene.leave(await scene.run())
    }
  },

  'plain-text-then-refusal': {
    about: 'The model begins to answer, refuses, and speaks on: three parts of one message.',
    async play (scene) {
      scene.model(text(['First', ' this.', { delta: { refusal: 'No' } }, { delta: { refusal: ' more.' } }, 'Or', ' a little.']))
      await scene.leave(await scene.run())
    }
  },

  'plain-silent': {
    about: 'The model says nothing at all.',
    async play (scene) {
      scene.model(text([]))
      await scene.leave(await scene.run())
    }
  },

  'plain-reasoning': {
    about: 'The model thinks before it speaks, and its vendor counts no tokens.',
    async play (scene) {
      scene.model(reasoning('Hm, let me see.', 'It is so.', { usage: false }))
      await scene.leave(await scene.run())
    }
  },

  'plain-additional-messages': {
    about: 'A run brings messages, instructions and parameters of its own to a thread in which there was a run before.',
    async play (scene) {
      scene.model(text('First answer.'), text('Second answer.'))
      const { path, body } = await scene.runnable({ name: 'Ada', temperature: 0.2, metadata: { of: 'assistant' } })
      await scene.rested((await scene.post(path, body)).body)
      const reader = await scene.stream(path, {
        ...body,
        instructions: 'Be long.',
        additional_instructions: 'And polite.',
        additional_messages: [
          { role: 'user', content: [{ type: 'text', text: 'More' }, { type: 'image_url', image_url: { url: 'https://example.com/a.png' } }], metadata: { of: 'message' } },
          { role: 'assistant', content: 'As said before.' },
          { role: 'user', content: 'Again?' }
        ],
        metadata: { of: 'run' },
        temperature: 0.5,
        top_p: 0.9,
        max_completion_tokens: 1000,
        max_prompt_tokens: 2000,
        response_format: { type: 'json_object' },
        truncation_strategy: { type: 'last_messages', last_messages: 4 }
      })
      const run = await reader.until('thread.run.created')
      await reader.all()
      await scene.leave(run)
    }
  },

  'plain-thread-and-run': {
    about: 'A thread is created together with its run, streamed.',
    async play (scene) {
      scene.model(text('Hello both.'))
      const { body } = await scene.runnable()
      const thread = { messages: [{ role: 'user', content: 'Hello from the thread.' }], metadata: { of: 'thread' } }
      const reader = await scene.stream('/threads/runs', { ...body, thread, instructions: 'Be kind.' })
      const run = await reader.until('thread.run.created')
      await reader.all()
      await scene.leave(run)
    }
  },

  'plain-message-changed': {
    about: 'The user changes the metadata of the message that is being written: they stay.',
    async play (scene) {
      const gate = new Gate()
      scene.model(text(['Once', gate, ' upon a time']))
      const { reader, run } = await scene.begin()
      const message = await reader.until('thread.message.created')
      await reader.until('thread.message.delta')
      await scene.post(`/threads/${run.thread_id}/messages/${message.id}`, { metadata: { kept: 'yes' } })
      gate.open()
      await reader.all()
      await scene.leave(run)
    }
  },

  'plain-thread-locked': {
    about: 'While a run is under way its thread takes neither messages nor another run, and the run cannot be changed.',
    async play (scene) {
      const gate = new Gate()
      scene.model(text(['Once', gate, ' upon a time']))
      const { path, body, thread } = await scene.runnable()
      const { body: run } = await scene.post(path, body)
      await gate.reached()
      await scene.post(`/threads/${thread.id}/messages`, { role: 'user', content: 'Me too.' })
      await scene.post(path, body)
      await scene.post(`${path}/${run.id}`, { metadata: { too: 'early' } })
      gate.open()
      await scene.leave(run)
      await scene.post(`${path}/${run.id}`, { metadata: { in: 'time' } })
    }
  }
}

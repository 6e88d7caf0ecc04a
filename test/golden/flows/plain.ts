import { refusal, text } from '../../helpers/upstream.js'
import type { Flow } from '../scene.js'

/** Runs in which the model only speaks. */
export const plain: Record<string, Flow> = {
  'plain-streamed': {
    about: 'A run is streamed from its creation to its end.',
    async play (scene) {
      await scene.start()
      scene.upstream.enqueue(text('Hello world, and you.'))
      const frames = await (await scene.run()).all()
      await scene.leave(frames[0]!.data)
    }
  },

  'plain-polled': {
    about: 'A run is created, and asked for until it has ended.',
    async play (scene) {
      await scene.start()
      scene.upstream.enqueue(text('Hello world, and you.'))
      const { path, body } = await scene.runnable()
      const { body: run } = await scene.post(path, body)
      await scene.leave(run)
    }
  },

  'plain-refusal': {
    about: 'The model refuses.',
    async play (scene) {
      await scene.start()
      scene.upstream.enqueue(refusal('I will not.'))
      const frames = await (await scene.run()).all()
      await scene.leave(frames[0]!.data)
    }
  },

  'plain-text-then-refusal': {
    about: 'The model begins to answer, refuses, and speaks on: three parts of one message.',
    async play (scene) {
      await scene.start()
      scene.upstream.enqueue(text(['First', ' this.', { delta: { refusal: 'No' } }, { delta: { refusal: ' more.' } }, 'Or', ' a little.']))
      const frames = await (await scene.run()).all()
      await scene.leave(frames[0]!.data)
    }
  },

  'plain-silent': {
    about: 'The model says nothing at all.',
    async play (scene) {
      await scene.start()
      scene.upstream.enqueue(text([]))
      const frames = await (await scene.run()).all()
      await scene.leave(frames[0]!.data)
    }
  },

  'plain-additional-messages': {
    about: 'A run brings messages and instructions of its own to a thread that has some, and parameters for the model.',
    async play (scene) {
      await scene.start()
      scene.upstream.enqueue(text('First answer.'), text('Second answer.'))
      const { path, body } = await scene.runnable({ name: 'Ada', temperature: 0.2, metadata: { of: 'assistant' } })
      await scene.rested((await scene.post(path, body)).body)
      const frames = await (await scene.stream(path, {
        ...body,
        instructions: 'Be long.',
        additional_instructions: 'And polite.',
        additional_messages: [
          { role: 'user', content: [{ type: 'text', text: 'More' }, { type: 'text', text: 'of this' }], metadata: { of: 'message' } },
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
      })).all()
      await scene.leave(frames[0]!.data)
    }
  },

  'plain-thread-and-run': {
    about: 'A thread is created together with its run, streamed.',
    async play (scene) {
      await scene.start()
      scene.upstream.enqueue(text('Hello both.'))
      const { body } = await scene.runnable()
      const reader = await scene.stream('/threads/runs', { ...body, thread: { messages: [{ role: 'user', content: 'Hello from the thread.' }], metadata: { of: 'thread' } } })
      const run = await reader.until('thread.run.created')
      await reader.all()
      await scene.leave(run)
    }
  }
}

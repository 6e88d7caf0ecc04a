import type { CodeInterpreterOptions } from '../../../lib/options/code-interpreter.js'
import { PyodideSandbox } from '../../../lib/sandbox/pyodide/pyodide.js'
import { python } from '../../code-interpreter/helpers/coder.js'
import { text } from '../../helpers/upstream.js'
import { uploaded } from '../../vector-stores/helpers/searcher.js'
import { pathOf, type Flows } from '../scene.js'

/**
 * One for all flows and servers. Pyodide, because its version is that of the package: tracebacks and the display of values are the same
 * on every machine.
 */
export const sandbox = new PyodideSandbox()
const MEMORY = 400 * 1024 ** 2
/** The bounds of all calls but the one that is to reach its time: long, so that on a busy machine no other bound comes second to it. */
export const codeInterpreter: CodeInterpreterOptions = { backend: sandbox, limits: { callMs: 60_000, memoryBytes: MEMORY } }
export const hastyCodeInterpreter: CodeInterpreterOptions = { backend: sandbox, limits: { callMs: 4000, memoryBytes: MEMORY } }

const CODER = { tools: [{ type: 'code_interpreter' }] }
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

/**
 * Runs of code. Between two things that a reader sees of a call, such as an image, code prints at most once: what it prints in two
 * writes comes in one delta or in two.
 */
export const code: Flows = {
  'code-once': {
    about: 'One call, whose code comes in pieces, and an answer.',
    async play (scene) {
      scene.model(python('numbers = [6, 7]\nnumbers[0] * numbers[1]', { fragments: 6 }), text('It is 42.'))
      await scene.leave(await scene.run({}, CODER))
    }
  },

  'code-polled': {
    about: 'One call of a run that is not streamed.',
    async play (scene) {
      scene.model(python('6 * 7'), text('It is 42.'))
      await scene.leave(await scene.create({}, CODER))
    }
  },

  'code-twice-in-a-turn': {
    about: 'Two calls in one turn, the second with a variable of the first, and one in the next turn.',
    async play (scene) {
      scene.model(python(['n = 20', 'n += 1\nn']), python('n * 2'), text('It is 42.'))
      await scene.leave(await scene.run({}, CODER))
    }
  },

  'code-error': {
    about: 'The code fails: the traceback is in its output, and the model corrects it.',
    async play (scene) {
      scene.model(python('def half(n):\n    return n / 0\nhalf(84)'), python('84 / 2'), text('It is 42.'))
      await scene.leave(await scene.run({}, CODER))
    }
  },

  'code-image': {
    about: 'An image between two texts. It is part of the answer.',
    async play (scene) {
      const show = `import base64\nclass Picture:\n    def _repr_png_(self): return base64.b64decode('${PIXEL}')`
      scene.model(python(`${show}\nprint("before")\ndisplay(Picture())\n"after"`), text('There it is.'))
      await scene.leave(await scene.run({}, CODER))
    }
  },

  'code-file': {
    about: 'A file of the user goes in, and one that the code writes comes out: the answer links it.',
    async play (scene) {
      const file = await uploaded(await scene.api(), 'sales.csv', 'item,price\na,10\nb,20\n')
      const sum = 'import csv\ntotal = sum(int(row["price"]) for row in csv.DictReader(open("sales.csv")))\nwritten = open("/mnt/data/total.csv", "w").write(f"total\\n{total}\\n")\ntotal'
      scene.model(python(sum), text(['The total is 30: [total](sand', 'box:/mnt/data/to', 'tal.csv).']))
      await scene.leave(await scene.run({}, { ...CODER, tool_resources: { code_interpreter: { file_ids: [file] } } }))
    }
  },

  'code-cancelled': {
    about: 'The run is cancelled while its code runs.',
    async play (scene) {
      scene.model(python('print("begun")\nwhile True: pass'))
      const { reader, run } = await scene.begin({}, CODER)
      while (!/begun/.test(JSON.stringify((await reader.until('thread.run.step.delta')).delta.step_details.tool_calls[0].code_interpreter.outputs ?? [])));
      await scene.post(`${pathOf(run)}/cancel`)
      await reader.all()
      await scene.leave(run)
    }
  },

  'code-memory': {
    about: 'Code that uses too much memory ends with its session; the next call has a new one.',
    async play (scene) {
      scene.model(python(`hoard = bytearray(b"x") * ${MEMORY * 3 / 4}\nwhile True: pass`), python('"hoard" in globals()'), text('It is gone.'))
      await scene.leave(await scene.run({}, CODER))
    }
  }
}

/** Runs of code that reaches its time: `hastyCodeInterpreter` is for these. */
export const lateCode: Flows = {
  'code-timeout': {
    about: 'Code that takes too long is interrupted; the next call has its variables.',
    async play (scene) {
      scene.model(python('n = 42\nwhile True: pass'), python('n'), text('It is 42.'))
      await scene.leave(await scene.run({}, CODER))
    }
  }
}

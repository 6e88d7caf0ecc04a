import { isLoopback } from '../../http/local-only.js'
import { KeyFile } from '../../http/key-file.js'
import { knownKeys } from '../../http/keys.js'
import { EmbeddingChoice } from '../../retrieval/embedding-choice.js'
import { candidates } from '../../sandbox/choose.js'
import { silentLogger } from '../../shared/log.js'
import { isOpen } from '../configure.js'
import { ok, problem, warning, type Check } from './check.js'
import { counted } from '../progress.js'

/** A model that is loaded first may take its time. */
const ANSWER_MS = 60_000

/** Who may call. */
export const keys: Check = {
  name: 'keys',
  async * look ({ config, options }) {
    if (isOpen(config)) {
      const host = config.host ?? '127.0.0.1'
      yield isLoopback(host)
        ? ok('There are no keys, and only this machine can call.')
        : problem(`There are no keys, and everybody who reaches ${host} may call: give --api-key or --api-keys-file.`)
      return
    }
    const count = typeof config.apiKeys === 'function' || config.apiKeys === undefined ? 0 : knownKeys(config.apiKeys, 'Option "apiKeys"').length
    if (config.apiKeysFile === undefined) return yield ok(`${counted(count, 'key')} in the configuration.`)
    const filed = await new KeyFile(config.apiKeysFile, options.clock, silentLogger).keys()
    yield ok(`${counted(count, 'key')} in the configuration, and ${filed.length} in ${config.apiKeysFile}.`)
  }
}

/** Whether each vendor answers, and has the default model. */
export const models: Check = {
  name: 'models',
  async * look ({ models }) {
    const { providers, defaultModel } = await models.describe()
    for (const { name, answers, models: count } of providers) {
      yield answers ? ok(`The provider "${name}" answers and lists ${counted(count, 'model')}.`) : problem(`The provider "${name}" does not answer: is it running, and are its base URL and key right?`)
    }
    if (defaultModel === null) return
    const { provider, model, listed } = await models.look(defaultModel)
    yield listed ? ok(`The default model ${model} is there.`) : warning(`The provider "${provider}" does not list the default model ${model}.`)
  }
}

/** Whether files in vector stores are searched by vectors, too. */
export const embeddings: Check = {
  name: 'embeddings',
  async * look ({ models, options }) {
    const choice = new EmbeddingChoice(options.retrieval.embeddings ?? 'auto', { models, clock: options.clock, log: silentLogger })
    const embedder = await choice.current()
    if (embedder === undefined) {
      yield ok('There is no embedding model: files are searched by their words.')
      return
    }
    const [vector] = await embedder.embed(['A test.'], AbortSignal.timeout(ANSWER_MS))
    yield ok(`The model ${embedder.name} makes vectors of ${vector?.length ?? 0} numbers.`)
  }
}

/** Whether `code_interpreter` can run code. */
export const sandbox: Check = {
  name: 'sandbox',
  async * look ({ options }) {
    const settings = options.codeInterpreter
    if (settings === undefined) {
      yield ok('The code interpreter is turned off.')
      return
    }
    const reasons: string[] = []
    for (const candidate of candidates(settings.choice)) {
      try {
        const check = await candidate.check()
        if (check.ok) {
          yield ok(`Code runs in ${candidate.name}.`)
          return
        }
        reasons.push(`${candidate.name}: ${check.reason}`)
      } finally {
        await candidate.close()
      }
    }
    const text = `No code can be run (sandbox check says more). ${reasons.join(' ')}`
    yield settings.isAskedFor ? problem(text) : warning(text)
  }
}

import type { OpenAIServerConfig } from '../server/options.js'

export interface ReadyDetails {
  /** A model that is known to be there. */
  model: string | undefined
  needsKey: boolean
}

/** What stdout gets once requests are answered: a line with the base URL, and a request to paste. */
export function readyText (baseUrl: string, { model, needsKey }: ReadyDetails): string {
  const key = needsKey ? ' -H "Authorization: Bearer $API_KEY"' : ''
  const request = model === undefined
    ? `curl ${baseUrl}/models${key}`
    : `curl -N ${baseUrl}/chat/completions${key} -H "Content-Type: application/json" -d ${quoted(JSON.stringify({ model, stream: true, messages: [{ role: 'user', content: 'Hello!' }] }))}`
  return `fastify-openai-compat listens on ${baseUrl}\n${request}\n`
}

/** For a POSIX shell. */
function quoted (text: string): string {
  return `'${text.replaceAll('\'', '\'\\\'\'')}'`
}

/** Where models come from, for the log: one line for each provider that flags, environment or file name. */
export function modelLines ({ provider, providers = {} }: Pick<OpenAIServerConfig, 'provider' | 'providers'>): string[] {
  const named = [...provider === undefined ? [] : [['the provider', provider] as const], ...Object.entries(providers)]
  return named.map(([name, given]) => `models of ${name} are served ${'baseURL' in given && typeof given.baseURL === 'string' ? `by ${withoutCredentials(given.baseURL)}` : 'in this process'}`)
}

/** What files are searched by and where code runs, for the log. What is found out when it is first needed is said to be. */
export function toolLines ({ retrieval, codeInterpreter = 'auto' }: Pick<OpenAIServerConfig, 'retrieval' | 'codeInterpreter'>): string[] {
  const { embeddings = 'auto' } = retrieval ?? {}
  const backend = typeof codeInterpreter === 'object' ? codeInterpreter.backend ?? 'auto' : codeInterpreter
  return [
    embeddings === 'none'
      ? 'files are searched by words alone'
      : embeddings === 'auto'
        ? 'files are searched by words, and by an embedding model if a provider has one: it is asked when the first file is indexed'
        : `files are searched by words and by the embedding model ${embeddings.model}`,
    backend === 'off'
      ? 'code_interpreter runs no code: it is off'
      : backend === 'auto'
        ? 'code_interpreter runs code in the strongest sandbox that works here: it is looked for when code is first run, and by the command "sandbox check"'
        : `code_interpreter runs code in ${typeof backend === 'string' ? backend : backend.name}`
  ]
}

const withoutCredentials = (url: string): string => url.replace(/^(\w+:\/\/)[^/]*@/, '$1').replace(/\?.*$/, '')

/** The storage for the log: without user name and password. */
export function storageName (storage: OpenAIServerConfig['storage']): string {
  if (typeof storage !== 'string') return 'the storage of the config file'
  return withoutCredentials(storage)
}

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

const withoutCredentials = (url: string): string => url.replace(/^(\w+:\/\/)[^/]*@/, '$1').replace(/\?.*$/, '')

/** The storage for the log: without user name and password. */
export function storageName (storage: OpenAIServerConfig['storage']): string {
  if (typeof storage !== 'string') return 'the storage of the config file'
  return withoutCredentials(storage)
}

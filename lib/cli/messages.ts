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
    : `curl ${baseUrl}/assistants${key} -H "Content-Type: application/json" -H "OpenAI-Beta: assistants=v2" -d ${quoted(JSON.stringify({ model }))}`
  return `fastify-openai-compat listens on ${baseUrl}\n${request}\n`
}

/** For a POSIX shell. */
function quoted (text: string): string {
  return `'${text.replaceAll('\'', '\'\\\'\'')}'`
}

/** The storage for the log: without user name and password. */
export function storageName (storage: OpenAIServerConfig['storage']): string {
  if (typeof storage !== 'string') return 'the storage of the config file'
  return storage.replace(/^(\w+:\/\/)[^/]*@/, '$1').replace(/\?.*$/, '')
}

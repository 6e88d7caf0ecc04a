const JWT = /^eyJ[\w-]+\./
const AZURE_HOST = /\.azure\.(com|us|cn)$/

/** A base URL as its server needs it. Without a path it gets the one that SDKs add, and for Azure an `api-version` unless it names one. */
export function baseOf (from: string): URL {
  const url = new URL(from)
  url.hash = ''
  url.pathname = url.pathname.replace(/\/+$/, '')
  const isAzure = AZURE_HOST.test(url.hostname)
  if (url.pathname === '/' || url.pathname === '') url.pathname = isAzure ? '/openai' : '/v1'
  if (isAzure && !url.searchParams.has('api-version')) url.searchParams.set('api-version', url.pathname.startsWith('/api/projects/') ? 'v1' : '2025-03-01-preview')
  return url
}

/** Azure takes keys under a name of its own; a token is a bearer's everywhere. */
export function authorization ({ hostname }: URL, key: string | undefined): Record<string, string> {
  if (key === undefined) return {}
  return AZURE_HOST.test(hostname) && !JWT.test(key) ? { 'api-key': key } : { authorization: `Bearer ${key}` }
}

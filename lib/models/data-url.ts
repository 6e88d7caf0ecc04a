const DATA_URL = /^data:([^;,]*)((?:;[^;,]*)*),/

/** The content of a `data:` URL in base64, undefined for any other URL. `mediaType` is empty when the URL names none. */
export function dataUrl (url: string): { mediaType: string, base64: string } | undefined {
  const match = DATA_URL.exec(url)
  if (match === null) return undefined
  const [head, mediaType = '', parameters = ''] = match
  const payload = url.slice(head.length)
  return { mediaType, base64: parameters.endsWith(';base64') ? payload : Buffer.from(unescaped(payload)).toString('base64') }
}

function unescaped (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

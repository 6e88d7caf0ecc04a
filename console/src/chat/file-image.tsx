import { useEffect, useState } from 'preact/hooks'
import { client } from '../api.js'

/** An image that the API keeps, fetched with the key. What is no image is not shown. */
export function FileImage ({ fileId }: { fileId: string }) {
  const [url, setUrl] = useState<string>()
  const [isMissing, setMissing] = useState(false)
  useEffect(() => {
    let made: string | undefined
    let isGone = false
    void (async () => {
      try {
        const blob = await (await client.value.files.content(fileId)).blob()
        if (isGone) return
        made = URL.createObjectURL(new Blob([blob]))
        setUrl(made)
      } catch {
        setMissing(true)
      }
    })()
    return () => { isGone = true; if (made !== undefined) URL.revokeObjectURL(made) }
  }, [fileId])
  if (isMissing) return <p class='quiet'>The image <code>{fileId}</code> cannot be shown.</p>
  return url === undefined ? <p class='quiet' role='status'>Loading an image…</p> : <img class='picture' src={url} alt={`Image ${fileId}`} onError={() => setMissing(true)} />
}

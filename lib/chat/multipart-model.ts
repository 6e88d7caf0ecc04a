const LINE_BREAK = Buffer.from('\r\n')
const END_OF_HEAD = Buffer.from('\r\n\r\n')
/** Of a field that names a model. */
const MAX_VALUE_BYTES = 512

/**
 * A multipart form in which the field `model` has what `change` makes of its value. All other bytes stay as they are: a form of recorded
 * speech needs no parser that writes its files down. Unchanged when there is no such field.
 */
export function editModelField (body: Buffer, contentType: string, change: (model: string) => string): Buffer {
  const [, quoted, plain] = /^multipart\/form-data\b.*?;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType) ?? []
  const name = quoted ?? plain
  if (name === undefined) return body
  const boundary = Buffer.from(`--${name}`)
  for (let part = body.indexOf(boundary); part !== -1;) {
    const head = part + boundary.length
    const headEnd = body.indexOf(END_OF_HEAD, head)
    const next = body.indexOf(boundary, head)
    if (headEnd === -1 || next === -1) return body
    if (headEnd < next && isModelField(body.toString('latin1', head, headEnd))) {
      const [from, to] = [headEnd + END_OF_HEAD.length, next - LINE_BREAK.length]
      if (to - from > MAX_VALUE_BYTES) return body
      return Buffer.concat([body.subarray(0, from), Buffer.from(change(body.toString('utf8', from, to))), body.subarray(to)])
    }
    part = next
  }
  return body
}

const isModelField = (head: string): boolean => /content-disposition:[^\r\n]*;\s*name="?model"?\s*(?:[;\r\n]|$)/i.test(head)

import type { Line } from './lines.js'

/** An annotation of pdf.js, as far as it is read. */
export interface Annotation {
  subtype?: string
  rect?: number[]
  fieldType?: string | null
  fieldName?: string
  fieldValue?: unknown
  alternativeText?: string
  exportValue?: string
  buttonValue?: string | null
  checkBox?: boolean
  radioButton?: boolean
  hidden?: boolean
  password?: boolean
  contentsObj?: { str?: string }
  options?: { exportValue?: string, displayValue?: string }[]
}

/** Adds what was typed into a form to the line that it is on, and what was noted on the page after its text. */
export function addAnnotations (lines: readonly Line[], annotations: readonly Annotation[]): string[] {
  const after: string[] = []
  for (const annotation of annotations) {
    const text = annotation.subtype === 'Widget' ? fieldText(annotation) : annotation.subtype === 'Popup' || annotation.subtype === 'Link' ? '' : annotation.contentsObj?.str?.trim() ?? ''
    if (text === '') continue
    const line = annotation.subtype === 'Widget' ? lineBeside(lines, annotation.rect) : undefined
    if (line !== undefined && !isButton(annotation)) line.segments.push({ text, from: annotation.rect?.[0] ?? line.to, to: annotation.rect?.[2] ?? line.to })
    else after.push(annotation.subtype === 'Widget' && !isButton(annotation) ? `${nameOf(annotation)}: ${text}` : text)
  }
  return after
}

const isButton = ({ checkBox, radioButton }: Annotation): boolean => checkBox === true || radioButton === true
const nameOf = ({ alternativeText = '', fieldName = '' }: Annotation): string => alternativeText.trim() || fieldName

function fieldText (annotation: Annotation): string {
  const { fieldType, fieldValue, exportValue, buttonValue, options = [], password } = annotation
  if (password === true) return ''
  if (fieldType === 'Btn') {
    if (!isButton(annotation)) return ''
    const isOn = typeof fieldValue === 'string' && fieldValue !== 'Off' && fieldValue !== '' && fieldValue === (annotation.checkBox === true ? exportValue : buttonValue)
    return isOn ? `[x] ${nameOf(annotation)}${annotation.radioButton === true ? `: ${fieldValue}` : ''}` : ''
  }
  const values = (Array.isArray(fieldValue) ? fieldValue : [fieldValue]).filter(value => typeof value === 'string' && value.trim() !== '') as string[]
  return values.map(value => options.find(option => option.exportValue === value)?.displayValue ?? value).join(', ').trim()
}

/** The line that ends where a field begins, at its height. */
function lineBeside (lines: readonly Line[], rect: readonly number[] = []): Line | undefined {
  const [left = 0, bottom = 0, , top = 0] = rect
  return lines.find(({ at, to, size }) => -at >= bottom - 0.3 * size && -at <= top && to <= left + size)
}

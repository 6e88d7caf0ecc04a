import type { Picture } from '../ocr.js'
import type { PdfPage } from './open.js'

/** Pictures of one page, and pixels of one picture: a scan has one, or some strips, of 10 million pixels. */
const MAX_PICTURES = 30
const MAX_PIXELS = 60_000_000
/** Smaller ones are signs and lines. Pixels. */
const MIN_SIZE = 24
const MIN_PIXELS = 4000

/** Of pdf.js: what an operator that paints a picture is given, and the ways in which its data are kept. */
interface PaintedImage {
  width: number
  height: number
  kind?: number
  data?: Uint8Array | Uint8ClampedArray
}
const PAINT_IMAGE = 85
const PAINT_INLINE_IMAGE = 86
const BLACK_AND_WHITE = 1
const RGB = 2

/** The pictures on a page, in the order in which they are painted. */
export async function pagePictures (page: PdfPage): Promise<Picture[]> {
  const { fnArray, argsArray } = await page.getOperatorList()
  const pictures: Picture[] = []
  const seen = new Set<string>()
  for (const [i, operator] of fnArray.entries()) {
    if (pictures.length >= MAX_PICTURES) break
    const [argument] = (argsArray[i] ?? []) as [unknown]
    let image: PaintedImage | undefined
    if (operator === PAINT_INLINE_IMAGE) image = argument as PaintedImage
    if (operator === PAINT_IMAGE && typeof argument === 'string' && !seen.has(argument)) {
      seen.add(argument)
      image = await imageOf(page, argument)
    }
    const picture = image === undefined ? undefined : asPicture(image)
    if (picture !== undefined) pictures.push(picture)
  }
  return pictures
}

/** A picture that could not be decoded is null. */
async function imageOf (page: PdfPage, id: string): Promise<PaintedImage | undefined> {
  const store = id.startsWith('g_') ? page.commonObjs : page.objs
  return await new Promise(resolve => { store.get(id, (image: PaintedImage | null) => resolve(image ?? undefined)) }) ?? undefined
}

function asPicture ({ width, height, kind, data }: PaintedImage): Picture | undefined {
  if (data === undefined || Math.min(width, height) < MIN_SIZE || width * height < MIN_PIXELS || width * height > MAX_PIXELS) return undefined
  const pixels = new Uint8Array(width * height)
  if (kind === BLACK_AND_WHITE) {
    const stride = (width + 7) >> 3
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) pixels[y * width + x] = (data[y * stride + (x >> 3)]! >> (7 - (x & 7))) & 1 ? 255 : 0
    }
  } else {
    const step = kind === RGB ? 3 : 4
    for (let i = 0, at = 0; i < pixels.length; i++, at += step) pixels[i] = (77 * data[at]! + 150 * data[at + 1]! + 29 * data[at + 2]!) >> 8
  }
  return { width, height, pixels }
}

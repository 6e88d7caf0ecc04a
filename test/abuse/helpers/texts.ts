const SIGNS = '!@#$%^&*()_+-=[]{}|;:,.<>?/~`'

/** Random, so that nothing is counted or parsed twice, and the same in every run of the tests. */
function * numbers (): Generator<number, never, undefined> {
  for (let state = 1; ; yield state) state = (state * 48_271) % 2_147_483_647
}

const random = numbers()

export function randomWords (length: number): string {
  let text = ''
  while (text.length < length) text += random.next().value.toString(36) + ' '
  return text.slice(0, length)
}

export function randomCjk (length: number): string {
  return Array.from({ length }, () => String.fromCharCode(0x4e00 + random.next().value % 20_000)).join('')
}

export function randomSigns (length: number): string {
  return Array.from({ length }, () => SIGNS[random.next().value % SIGNS.length]).join('')
}

/** From 0 to below `below`. */
export function randomNumber (below: number): number {
  return random.next().value % Math.max(below, 1)
}

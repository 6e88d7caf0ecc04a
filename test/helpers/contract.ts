import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './paths.js'

/**
 * The text of a section of `docs/contract.md`: `§6`, or `§8 Text` for the part of section 8 under that heading.
 *
 * @throws {Error} there is no such section.
 */
export function contractSection (name: string): string {
  const [, number = '', part] = /^§(\d+)(?: (.+))?$/.exec(name) ?? []
  const whole = under(`## ${number}. `, readFileSync(join(root, 'docs/contract.md'), 'utf8'))
  const text = part === undefined ? whole : under(`### ${part}\n`, whole ?? '')
  if (text === undefined) throw new Error(`docs/contract.md has no section ${name}`)
  return text
}

/** What lies between the heading that begins so and the next of its level or above. */
function under (heading: string, text: string): string | undefined {
  const level = heading.indexOf(' ')
  const [found] = text.split(new RegExp(`^(?=#{1,${level}} )`, 'm')).filter(part => part.startsWith(heading))
  return found
}

import { computed, signal } from '@preact/signals'

const read = (): string[] => location.hash.replace(/^#\/?/, '').split('/').filter(part => part !== '').map(decoded)

/** An address that was typed may be none. */
function decoded (part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

const parts = signal(read())
addEventListener('hashchange', () => { parts.value = read() })

/** The address behind `#`, in parts: `['runs', 'thread_x', 'run_y']`. */
export const route = computed(() => parts.value.length === 0 ? ['chat'] : parts.value)
export const hrefTo = (...to: string[]): string => `#/${to.map(encodeURIComponent).join('/')}`
export const go = (...to: string[]): void => { location.hash = hrefTo(...to) }

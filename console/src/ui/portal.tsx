import type { ComponentChildren } from 'preact'
import { createPortal } from 'preact/compat'

/** Puts its children at the end of the page, above everything else. (That of `@zag-js/preact` asks for a global `React`.) */
export function Portal ({ children }: { children: ComponentChildren }) {
  return createPortal(<>{children}</>, document.body)
}

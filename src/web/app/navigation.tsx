import { signal } from '@preact/signals'
import type { JSX } from 'preact'

/** Where one is in the app: the path of the address. */
export const path = signal(location.pathname)

addEventListener('popstate', () => {
  path.value = location.pathname
})

export function go(to: string, { replace = false } = {}): void {
  if (to !== location.pathname) history[replace ? 'replaceState' : 'pushState'](null, '', to)
  path.value = to
}

/** A link within the app; with a key held down, or another button, it is the browser's. */
export const Link = ({ href, ...rest }: JSX.IntrinsicElements['a'] & { href: string }) => (
  <a
    aria-current={path.value === href ? 'page' : undefined}
    {...rest}
    href={href}
    onClick={(event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
      event.preventDefault()
      go(href)
    }}
  />
)

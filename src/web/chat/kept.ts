/** As the browser's storage has it. */
export const nameOfKept = (name: string): string => `parley:${name}`

/** What the browser keeps for this page. Where it keeps nothing (private windows, a full disk), nothing is kept and all goes on. */
export function readKept(name: string): string | undefined {
  try {
    return localStorage.getItem(nameOfKept(name)) ?? undefined
  } catch {
    return undefined
  }
}

/** Nothing, or an empty text, is taken away. */
export function keep(name: string, value: string | undefined): void {
  try {
    if (value) localStorage.setItem(nameOfKept(name), value)
    else localStorage.removeItem(nameOfKept(name))
  } catch {
    // It is kept for as long as the page is open.
  }
}

/** The names that begin so, and what is kept under them. */
export function allKept(prefix: string): [name: string, value: string][] {
  try {
    const names = Object.keys(localStorage).filter((name) => name.startsWith(nameOfKept(prefix)))
    return names.map((name) => [name.slice(nameOfKept('').length), localStorage.getItem(name) ?? ''])
  } catch {
    return []
  }
}

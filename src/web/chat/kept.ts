/** What the browser keeps for this page. Where it keeps nothing (private windows, a full disk), nothing is kept and all goes on. */
export function readKept(name: string): string | undefined {
  try {
    return localStorage.getItem(`parley:${name}`) ?? undefined
  } catch {
    return undefined
  }
}

/** Nothing, or an empty text, is taken away. */
export function keep(name: string, value: string | undefined): void {
  try {
    if (value) localStorage.setItem(`parley:${name}`, value)
    else localStorage.removeItem(`parley:${name}`)
  } catch {
    // It is kept for as long as the page is open.
  }
}

/** The names that begin so, and what is kept under them. */
export function allKept(prefix: string): [name: string, value: string][] {
  try {
    const names = Object.keys(localStorage).filter((name) => name.startsWith(`parley:${prefix}`))
    return names.map((name) => [name.slice('parley:'.length), localStorage.getItem(name) ?? ''])
  } catch {
    return []
  }
}

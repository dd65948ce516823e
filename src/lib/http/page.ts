/** Something that a browser loads, and asks for again: a page, a script, a picture. */
export interface Page {
  content: Blob
  type: string
  etag: string
}

/** For as long as a browser may keep it. What is named with its hash never changes under that name. */
export const CACHING = { always: 'public, max-age=31536000, immutable', asking: 'no-cache' } as const

export async function pageOf(type: string, content: Blob): Promise<Page> {
  const hash = Bun.hash(await content.arrayBuffer()).toString(36)
  return { content, type: type.startsWith('text/') ? `${type}; charset=utf-8` : type, etag: `"${hash}"` }
}

/** Answered with 304 to whoever has it. `headers` may add to those of every answer, or replace them. */
export function answerPage(request: Request, page: Page, headers: Record<string, string>): Response {
  const { content, type, etag } = page
  const all = { etag, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', ...headers }
  const isKnown = request.headers.get('if-none-match')?.includes(etag)
  if (isKnown) return new Response(null, { status: 304, headers: all })
  return new Response(content, { headers: { ...all, 'content-type': type } })
}

/** Made when it is first asked for. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}

import { Elysia } from 'elysia'
import { ChatError } from '../lib/errors.ts'
import { answerPage, once, type Page, pageOf } from '../lib/http/page.ts'
import { PICTURES } from './pictures.ts'

const HEADERS = {
  'cache-control': 'public, max-age=604800',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  // For pages of the allowed origins too: they show the products of this server.
  'cross-origin-resource-policy': 'cross-origin',
}

/** Always there: the products of the demo stay when the server starts without it. */
export const demoRoutes = () => {
  const pictures = once(loadPictures)
  return new Elysia({ prefix: '/demo', detail: { hide: true } }).get('/:name', async ({ request, params }) => {
    const picture = (await pictures()).get(params.name)
    if (!picture) throw new ChatError('not_found')
    return answerPage(request, picture, HEADERS)
  })
}

async function loadPictures(): Promise<ReadonlyMap<string, Page>> {
  const pictures = new Map<string, Page>()
  for (const [name, svg] of Object.entries(PICTURES))
    pictures.set(`${name}.svg`, await pageOf('image/svg+xml', new Blob([svg])))
  return pictures
}

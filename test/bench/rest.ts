import { type HostTokens, keyTokens, secretTokens } from './host-tokens.ts'
import { firstOfInbox, type PageLoad, Pages, somewhereIn } from './pages.ts'
import { Posts } from './posts.ts'
import { loadRequests } from './requests.ts'
import { type Scenario, WARMUP } from './scenarios.ts'
import type { Person, Seeded, SeededReader } from './seed.ts'
import { type Server, startNode, startParley } from './servers.ts'
import type { Workbench } from './workbench.ts'

interface Measured {
  binary: string
  seconds: number
}

/** The same people and rooms; what differs is only the token that a request shows. */
export function overRest(bench: Workbench, { binary, pairs, seconds }: Measured & { pairs: Seeded }): Scenario {
  const bySecret = secretTokens()
  const byKey = keyTokens()
  const kept = ({ mint }: HostTokens) => {
    const tokens = new Map(pairs.seats.map(({ person }) => [person, mint(person)]))
    return (person: Person) => tokens.get(person) ?? ''
  }
  const kinds = [
    { name: 'restSession', title: 'session token', by: bySecret, tokenOf: ({ token }: Person) => token },
    { name: 'restHost', title: 'host token (HS256)', by: bySecret, tokenOf: kept(bySecret) },
    { name: 'restHostKey', title: 'host token (EdDSA)', by: byKey, tokenOf: kept(byKey) },
    { name: 'restNew', title: 'each token new (HS256)', by: bySecret, tokenOf: bySecret.mint },
    { name: 'restNewKey', title: 'each token new (EdDSA)', by: byKey, tokenOf: byKey.mint },
  ]
  const run = async () => {
    const posts: Posts[] = []
    try {
      for (const { by, tokenOf } of kinds) {
        posts.push(new Posts({ server: await startParley(bench, binary, pairs, by.env), seats: pairs.seats, tokenOf }))
      }
      return await loadRequests(posts, WARMUP, seconds)
    } finally {
      for (const { server } of posts) await server.stop()
    }
  }
  const line = { part: 'http', base: 'restSession' } as const
  return { lines: kinds.map(({ name, title }) => ({ ...line, name, title: `REST, ${title}` })), run, rounds: 1 }
}

/** Seconds: a page is so short that its code is warm by then. */
const PAGES_WARMUP = 1

/** Of a shop with few rooms and of one with many; in a room with few messages and in one with many. Nothing is written. */
export function overPages(bench: Workbench, shops: SeededReader[], { binary, seconds }: Measured): Scenario {
  const run = async () => {
    const servers: Server[] = []
    try {
      for (const shop of shops) servers.push(await startNode(bench, binary, shop, {}))
      const ask = (next: (shop: SeededReader) => PageLoad['next']) =>
        loadRequests(pagesOf(servers, shops, next), PAGES_WARMUP, seconds)
      const inboxes = await ask(() => firstOfInbox)
      return [
        ...inboxes,
        ...(await ask(
          ({ door, messages }) =>
            () =>
              somewhereIn(door.roomId, messages),
        )),
      ]
    } finally {
      for (const server of servers) await server.stop()
    }
  }
  const line = (kind: string, at: number, title: string) =>
    ({ part: 'pages', name: `${kind}${at}`, title, base: `${kind}0` }) as const
  const lines = [
    ...shops.map(({ rooms }, at) => line('inbox', at, `inbox of ${rooms.toLocaleString('en')} rooms`)),
    ...shops.map(({ messages }, at) => line('history', at, `room of ${messages.toLocaleString('en')} messages`)),
  ]
  return { lines, run, rounds: 1 }
}

const pagesOf = (servers: Server[], shops: SeededReader[], next: (shop: SeededReader) => PageLoad['next']) =>
  shops.flatMap((shop, at) => {
    const server = servers[at]
    return server ? [new Pages({ server, token: shop.door.token, next: next(shop) })] : []
  })

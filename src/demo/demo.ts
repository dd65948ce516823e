import type { Accounts } from '../accounts/service.ts'
import { ChatError, StartError } from '../lib/errors.ts'
import type { Storage } from '../storage/storage.ts'
import type { Peer } from '../users/model.ts'
import { CONVERSATIONS, type Conversation } from './conversations.ts'
import { type DemoPerson, drawPeople, type Name } from './people.ts'
import { addressOf, PICTURE_NAMES, type PictureName } from './pictures.ts'
import { NEWEST, PRODUCTS, productIdOf } from './products.ts'

interface Deps {
  accounts: Accounts
  storage: Storage
  now: () => number
}

type Cast = Record<Name, Peer>

/** Something that somebody did before the server started. Done again, it changes nothing. */
interface Deed {
  hoursAgo: number
  /** `at` in milliseconds since 1970. */
  redo: (stage: { storage: Storage; cast: Cast; at: number }) => Promise<unknown>
}

const HOUR_MS = 3_600_000
const LINE_EVERY_HOURS = 70 / 3600

/**
 * People, what they offer, and what they have said to each other in the last days. Answers nobody where it is there
 * already; a demo that was interrupted is finished, with new passwords: nobody was told the others.
 */
export async function addDemo({ accounts, storage, now }: Deps): Promise<DemoPerson[]> {
  if (accounts.mode === 'off') {
    throw new StartError('The people of the demo sign in with passwords, and PARLEY_ACCOUNTS is off: set it to closed.')
  }
  // What is newest is stored last, and is never taken out: products that are archived are found too.
  if (await storage.products.find(productIdOf(NEWEST))) return []
  const people = drawPeople()
  const joined = people.map(async (person) => [person.username, await join(accounts, storage, person)] as const)
  // Each of the names was drawn.
  const cast = Object.fromEntries(await Promise.all(joined)) as Cast
  const start = now()
  for (const { hoursAgo, redo } of DEEDS) await redo({ storage, cast, at: Math.round(start - hoursAgo * HOUR_MS) })
  return people
}

async function join(accounts: Accounts, storage: Storage, person: DemoPerson): Promise<Peer> {
  try {
    return await accounts.create(person, 'user')
  } catch (error) {
    const known = await storage.accounts.findByEmail(person.email)
    if (!(known && error instanceof ChatError && error.code === 'email_taken')) throw error
    await accounts.resetPassword(known.user.id, person.password)
    return known.user
  }
}

const offer = (picture: PictureName): Deed => {
  const { owner, hoursAgo, ...product } = PRODUCTS[picture]
  const shown = { ...product, id: productIdOf(picture), imageUrl: addressOf(picture), url: null }
  const redo: Deed['redo'] = ({ storage, cast, at }) =>
    storage.products.upsert([{ ...shown, ownerId: cast[owner].id }], at)
  return { hoursAgo, redo }
}

const talk = ({ about, customer, unread, talks }: Conversation): Deed[] => {
  const lines = talks.flatMap(({ hoursAgo, lines }) =>
    lines.map(([name, text], place) => ({ name, text, hoursAgo: hoursAgo - place * LINE_EVERY_HOURS })),
  )
  return lines.map(({ name, text, hoursAgo }, place) => ({
    hoursAgo,
    redo: async ({ storage: { rooms, messages }, cast, at }) => {
      const ownerId = cast[PRODUCTS[about].owner].id
      const key = { ownerId, customerId: cast[customer].id, productId: productIdOf(about) }
      const roomId = (await rooms.find(key)) ?? (await rooms.open({ ...key, at })).roomId
      const { id, username } = cast[name]
      const seq = place + 1
      await messages.append({ roomId, sender: { id, username }, text, clientId: `demo-${seq}`, at })
      const isLastRead = seq === lines.length - unread
      if (isLastRead) await rooms.markRead(roomId, name === customer ? 'owner' : 'customer', seq)
    },
  }))
}

/** In the order of time: so it is that of every inbox. */
const DEEDS = [...PICTURE_NAMES.map(offer), ...CONVERSATIONS.flatMap(talk)].sort(
  (one, other) => other.hoursAgo - one.hoursAgo,
)

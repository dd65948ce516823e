import type { Services } from './app.ts'
import type { Identity } from './auth/model.ts'
import { ChatError, StartError } from './lib/errors.ts'

export interface DemoPerson {
  username: string
  email: string
  password: string
}

const PRODUCTS = [
  { title: 'Road bike, 54 cm, by the day', priceMinor: 15_000, currency: 'KRW' },
  { title: 'Four-person tent', priceMinor: 20_000, currency: 'KRW' },
  { title: 'Film camera, 1978', priceMinor: 85_000, currency: 'KRW' },
]

const TALK: [speaker: 'owner' | 'customer', text: string][] = [
  ['customer', 'Hi! Is the bike free on Saturday?'],
  ['owner', 'Yes, from nine in the morning.'],
  ['customer', 'Great, I take it for the day.'],
]

/** Two people, three products and a room. Passwords are new each time; the second time there is nothing to add. */
export async function addDemo(services: Services): Promise<DemoPerson[]> {
  if (services.accounts.mode === 'off') {
    throw new StartError('The people of the demo sign in with passwords, and PARLEY_ACCOUNTS is off: set it to closed.')
  }
  const people = ['minji', 'joon'].map((username) => ({
    username,
    email: `${username}@demo.example`,
    password: Buffer.from(crypto.getRandomValues(new Uint8Array(9))).toString('base64url'),
  }))
  try {
    const [owner, customer] = await Promise.all(people.map((person) => join(services, person)))
    if (owner && customer) await fill(services, owner, customer)
    return people
  } catch (error) {
    // The data directory has the demo already, with passwords that only its first start printed.
    if (error instanceof ChatError && error.code === 'email_taken') return []
    throw error
  }
}

async function join({ accounts, identities }: Services, person: DemoPerson): Promise<Identity | undefined> {
  await accounts.create(person, 'user')
  const { token } = await accounts.signIn(person)
  return (await identities.authenticate({ by: 'bearer', token }))?.person
}

async function fill({ products, rooms, messages }: Services, owner: Identity, customer: Identity) {
  const [bike] = await Promise.all(PRODUCTS.map((product) => products.create(owner, product)))
  if (!bike) return
  const { room } = await rooms.open({ person: customer }, { productId: bike.id })
  for (const [speaker, text] of TALK) await messages.send(speaker === 'owner' ? owner : customer, room.id, { text })
}

import { describe, expect, test } from 'bun:test'
import { type Actor, type Deed, OPERATOR } from '../../src/audit/model.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { accountIn, roomIn, type TestStorage } from '../support/storage.ts'

const hashOf = (text: string) => new Bun.CryptoHasher('sha256').update(text).digest('hex')
const link = (name: string, expiresAt = 100) => ({ tokenHash: hashOf(name), expiresAt })
const session = (name: string) => ({ tokenHash: hashOf(name), createdAt: 5, expiresAt: 1000 })
const about = (id: string, actor: Actor = OPERATOR): Deed => ({
  actor,
  action: 'user.change',
  target: { kind: 'user', id },
})

/** What was written down, oldest first. */
const deedsIn = async ({ audit }: Storage) => (await audit.list(undefined, 100)).toReversed()

/** All pages of a list, one item a page. */
async function pagesOf<T, P>(
  page: (after: P | undefined) => Promise<{ items: T[]; place: P | undefined }>,
): Promise<T[]> {
  const all: T[] = []
  let after: P | undefined
  do {
    const { items, place } = await page(after)
    all.push(...items)
    after = place
  } while (after !== undefined)
  return all
}

/** The rules that every storage keeps for the console: a part of the storage contract. */
export function consoleContract(name: string, open: () => Promise<TestStorage>) {
  describe(`${name}: links for admins`, () => {
    test('[ST50] makes one first admin, however many ask, and after that links for the oldest', async () => {
      await using opened = await open()
      const { adminLinks, users } = opened.storage
      const asked = Array.from({ length: 5 }, (_, at) => adminLinks.issue(link(`l${at}`), { newId: `admin-${at}` }, 1))
      const issued = await Promise.all(asked)
      expect(new Set(issued.map((each) => each?.userId)).size).toBe(1)
      expect(issued.filter((each) => each?.created)).toHaveLength(1)
      const first = issued[0]?.userId ?? ''
      expect(await users.find(first)).toMatchObject({
        username: 'Admin',
        role: 'admin',
        hasPassword: false,
        createdAt: 1,
      })
      const minji = await accountIn(opened.storage, 'minji')
      const to = (id: string) => adminLinks.issue(link('named'), { id, newId: 'new' }, 2)
      expect([await to(minji.id), await to('nobody')]).toEqual([undefined, undefined])
      await users.change(minji.id, { role: 'admin' }, 3)
      expect(await to(minji.id)).toMatchObject({ userId: minji.id, username: 'minji', created: false })
      expect(await adminLinks.issue(link('oldest'), { newId: 'new' }, 4)).toMatchObject({ userId: first })
      await users.change(first, { disabled: true }, 5)
      expect(await adminLinks.issue(link('next'), { newId: 'new' }, 6)).toMatchObject({ userId: minji.id })
      expect(await to(first)).toBeUndefined()
    })

    test('[ST51] opens one session for a link, once, in time, and for an admin', async () => {
      await using opened = await open()
      const { adminLinks, users, sessions } = opened.storage
      const { userId: id = '' } = (await adminLinks.issue(link('a'), { newId: 'admin' }, 1)) ?? {}
      expect(await adminLinks.isSettled()).toBe(false)
      const tries = Array.from({ length: 5 }, (_, at) => adminLinks.spend(hashOf('a'), session(`s${at}`), 5))
      expect((await Promise.all(tries)).filter((user) => user)).toMatchObject([{ id, role: 'admin' }])
      const opening = await Promise.all([0, 1, 2, 3, 4].map((at) => sessions.find(hashOf(`s${at}`))))
      expect(opening.filter((found) => found)).toMatchObject([
        { user: { id }, begunBy: 'link', lastUsedAt: 5, expiresAt: 1000 },
      ])
      expect(await adminLinks.isSettled()).toBe(true)
      const spend = (name: string, at = 5) => adminLinks.spend(hashOf(name), session(`by ${name}`), at)
      expect([await spend('a'), await spend('never made')]).toEqual([undefined, undefined])
      await adminLinks.issue(link('late', 100), { id, newId: '' }, 6)
      expect(await spend('late', 100)).toBeUndefined()
      // A new one is in the place of the old one.
      await adminLinks.issue(link('old'), { id, newId: '' }, 7)
      await adminLinks.issue(link('new'), { id, newId: '' }, 8)
      expect([(await spend('old'))?.id, (await spend('new'))?.id]).toEqual([undefined, id])
      await adminLinks.issue(link('taken away'), { id, newId: '' }, 9)
      await users.signOut(id, 10)
      expect(await spend('taken away')).toBeUndefined()
      await adminLinks.issue(link('no admin'), { id, newId: '' }, 11)
      await users.change(id, { role: 'user' }, 12)
      await users.change(id, { role: 'admin' }, 13)
      expect(await spend('no admin')).toBeUndefined()
    })

    test('[ST52] ends what a link has opened with the role, and no session by a password', async () => {
      await using opened = await open()
      const { adminLinks, users, sessions, revocations } = opened.storage
      const minji = await accountIn(opened.storage, 'minji')
      await users.change(minji.id, { role: 'admin' }, 2)
      await adminLinks.issue(link('a'), { id: minji.id, newId: '' }, 3)
      await adminLinks.spend(hashOf('a'), session('linked'), 4)
      const { place } = await revocations.after(undefined)
      await users.change(minji.id, { role: 'moderator' }, 5)
      expect(await sessions.find(hashOf('linked'))).toBeUndefined()
      expect(await sessions.find(minji.session.tokenHash)).toMatchObject({ begunBy: 'password' })
      expect((await revocations.after(place)).revocations).toEqual([
        { kind: 'session', subject: hashOf('linked'), at: 5 },
      ])
    })
  })

  describe(`${name}: the audit log`, () => {
    test('[ST53] has what was done in the order in which it was, with the names of now, and nothing that was not', async () => {
      await using opened = await open()
      const { audit, users, keys, accounts, products, sessions } = opened.storage
      const { owner, customer, productId } = await roomIn(opened.storage)
      const id = owner.id
      await keys.create({ id: 'k1', name: 'shop', keyHash: 'h1', scopes: ['users'], createdAt: 2 }, about('k1'))
      expect(await keys.create({ id: 'k2', name: 'shop', keyHash: 'h2', scopes: [], createdAt: 2 }, about('k2'))).toBe(
        false,
      )
      await users.change(id, { role: 'admin' }, 3, { ...about(id), details: { role: 'admin', was: true, n: 1 } })
      expect(await users.change('nobody', { role: 'admin' }, 3, about('nobody'))).toBe(false)
      const admin = { kind: 'user', id, role: 'admin' } as const
      await users.change(customer.id, { disabled: true }, 4, about(customer.id, admin))
      await users.signOut(customer.id, 5, about('signed out', { kind: 'key', id: 'k1' }))
      const { email, ...account } = { ...customer, id: 'other', role: 'user' as const }
      expect(await accounts.create({ ...account, email }, undefined, about('other'))).toBe(false)
      await accounts.setPassword(
        customer.id,
        { next: 'new', current: undefined, keep: undefined },
        6,
        about('password'),
      )
      await products.archive(productId, id, 7, about('archived'))
      await sessions.end(owner.session.tokenHash, 8, about('ended'))
      await users.upsert([{ id, username: 'Minji' }], 9, [about('upserted'), about('upserted too')])
      await users.erase(customer.id, 'gone', 10, about('erased'))
      expect(await users.upsert([{ id: customer.id, username: 'Back' }], 11, [about('not upserted')])).toEqual({
        erased: 0,
      })
      expect(await keys.revoke('shop', 12, about('revoked'))).toBe(true)
      expect(await keys.revoke('shop', 12, about('not revoked'))).toBe(false)
      await audit.add([{ actor: admin, action: 'room.read', target: { kind: 'room', id: '7' } }], 13)
      await opened.reopen()
      const entries = await deedsIn(opened.storage)
      expect(entries.map(({ target }) => target.id)).toEqual([
        ...['k1', id, customer.id, 'signed out', 'password', 'archived', 'ended', 'upserted', 'upserted too'],
        ...['erased', 'revoked', '7'],
      ])
      expect(entries[1]).toEqual({
        id: expect.any(Number),
        at: new Date(3).toISOString(),
        actor: { kind: 'cli', id: null, name: null },
        action: 'user.change',
        target: { kind: 'user', id, name: 'Minji' },
        details: { role: 'admin', was: true, n: 1 },
      })
      expect(entries[2]).toMatchObject({ actor: { kind: 'user', id, name: 'Minji' }, target: { name: 'gone' } })
      expect(entries[3]).toMatchObject({ actor: { kind: 'key', id: 'k1', name: 'shop' }, details: {} })
      const { audit: after } = opened.storage
      const page = await after.list(entries[2]?.id, 2)
      expect(page.map(({ id }) => id)).toEqual([entries[1]?.id ?? 0, entries[0]?.id ?? 0])
    })

    test('[ST54] lets one of two admins stay who put each other out, and writes down what was done', async () => {
      await using opened = await open()
      const { users } = opened.storage
      for (let round = 0; round < 5; round++) {
        const [minji, joon] = await Promise.all([accountIn(opened.storage, 'minji'), accountIn(opened.storage, 'joon')])
        for (const { id } of [minji, joon]) await users.change(id, { role: 'admin' }, 2)
        const admin = (id: string) => ({ kind: 'user', id, role: 'admin' }) as const
        const done = await Promise.all([
          users.change(joon.id, { role: 'user' }, 3, about(joon.id, admin(minji.id))),
          users.change(minji.id, { disabled: true }, 3, about(minji.id, admin(joon.id))),
        ])
        expect(done.filter((each) => each)).toHaveLength(1)
        const left = [await users.find(minji.id), await users.find(joon.id)]
        expect(left.filter((each) => each?.role === 'admin' && each.disabledAt === undefined)).toHaveLength(1)
      }
      expect(await deedsIn(opened.storage)).toHaveLength(5)
    })
  })

  describe(`${name}: what the console finds`, () => {
    test('[ST55] finds people by part of a name or an e-mail, or exactly, each once', async () => {
      await using opened = await open()
      const { console, presence, users } = opened.storage
      const people = []
      for (const each of ['Minji', 'Joon', 'minji the second', '100%'])
        people.push(await accountIn(opened.storage, each))
      const [minji, joon, second, percent] = people.map(({ id }) => id)
      await users.admit({ id: 'minji', username: 'Host', email: 'Host@shop.example' }, 1)
      await presence.note([{ userId: joon ?? '', at: 60_000 }])
      const found = async (q?: string, limit = 1) => {
        const page = (after: number | undefined) => console.users({ q, after, limit })
        return (await pagesOf(page)).map(({ user }) => user.id)
      }
      expect(await found()).toEqual(['minji', percent, second, joon, minji] as string[])
      for (const limit of [1, 2, 3]) expect(await found('MINJI', limit)).toEqual([second, minji] as string[])
      // The id of one is part of the names of others.
      for (const limit of [1, 2, 5]) expect(await found('minji', limit)).toEqual(['minji', second, minji] as string[])
      expect([await found('0%'), await found('_'), await found("'")]).toEqual([[percent ?? ''], [], []])
      expect(await found('@SHOP')).toEqual(['minji'])
      expect(await found(`${joon}@EXAMPLE.com`)).toEqual([joon ?? ''])
      expect(await found(joon)).toEqual([joon ?? ''])
      expect((await console.users({ q: joon, limit: 5 })).items).toMatchObject([
        { user: { username: 'Joon' }, lastSeenAt: 60_000 },
      ])
    })

    test('[ST56] finds rooms by person, product, title or number, each once', async () => {
      await using opened = await open()
      const { console, messages, products, rooms } = opened.storage
      const first = await roomIn(opened.storage)
      const second = await roomIn(opened.storage)
      const fields = { title: 'Tent', priceMinor: null, currency: null, imageUrl: null, url: null }
      await products.create({ ...fields, id: 'tent', ownerId: first.customer.id, at: 1 })
      const key = { ownerId: first.customer.id, customerId: second.owner.id, productId: 'tent' }
      const { roomId: third } = await rooms.open({ ...key, at: 3 })
      const sender = { id: first.owner.id, username: 'minji' }
      await messages.append({ roomId: third, sender: null, text: 'older', clientId: null, at: 4 })
      await messages.append({ roomId: first.roomId, sender, text: 'newer', clientId: null, at: 5 })
      const found = async (search: object, limit = 1) =>
        (await pagesOf((after) => console.rooms({ ...search, after, limit } as never))).map(({ id }) => id)
      expect(await found({})).toEqual([third, second.roomId, first.roomId])
      for (const limit of [1, 2])
        expect(await found({ userId: first.customer.id }, limit)).toEqual([first.roomId, third])
      expect(await found({ userId: 'nobody' })).toEqual([])
      expect(await found({ productId: 'tent' })).toEqual([third])
      expect(await found({ q: 'bIk' })).toEqual([second.roomId, first.roomId])
      expect(await found({ q: 'bik', userId: first.customer.id })).toEqual([first.roomId])
      expect(await found({ q: String(third) })).toEqual([third])
      expect(await found({ q: '999999' })).toEqual([])
      expect(await console.room(third)).toMatchObject({
        ...{ id: third, lastSeq: 1, product: { id: 'tent' }, owner: { id: first.customer.id, username: 'joon' } },
        ...{ customer: { id: second.owner.id }, lastActivityAt: new Date(4).toISOString() },
      })
      expect(await console.room(second.roomId)).toMatchObject({ lastSeq: 0, lastActivityAt: new Date(1).toISOString() })
      expect(await console.room(third + 1)).toBeUndefined()
    })

    test('[ST57] finds products, archived ones too, and sessions by when they run out', async () => {
      await using opened = await open()
      const { console, products, sessions } = opened.storage
      const minji = await accountIn(opened.storage, 'minji')
      const fields = { priceMinor: null, currency: null, imageUrl: null, url: null, ownerId: minji.id, at: 1 }
      for (const [id, title] of Object.entries({ p1: 'Tent', p2: 'Bike', tent: 'Lamp' })) {
        await products.create({ ...fields, id, title })
      }
      await products.archive('p1', minji.id, 2)
      const found = async (q?: string) =>
        (await pagesOf((after: number | undefined) => console.products({ q, after, limit: 1 }))).map(({ id }) => id)
      expect([await found(), await found('tent'), await found('TEN')]).toEqual([
        ['tent', 'p2', 'p1'],
        ['tent', 'p1'],
        ['p1'],
      ])

      const joon = await accountIn(opened.storage, 'joon')
      const [a, b, c, over] = ['a', 'b', 'c', 'd'].map(hashOf).toSorted() as [string, string, string, string]
      const start = (tokenHash: string, userId: string, expiresAt: number) =>
        sessions.start({ tokenHash, userId, createdAt: 5, expiresAt }, 'none')
      for (const [hash, id, end] of [
        [a, minji.id, 2000],
        [b, joon.id, 2000],
        [c, minji.id, 2000],
        [over, joon.id, 1500],
      ] as const) {
        expect(await start(hash, id, end)).toBe(true)
      }
      const listed = async (userId: string | undefined, at: number) => {
        const page = (after: { expiresAt: number; id: string } | undefined) =>
          console.sessions({ userId, after, limit: 1 }, at)
        return (await pagesOf(page)).map(({ tokenHash }) => tokenHash)
      }
      expect(await listed(undefined, 1500)).toEqual([c, b, a])
      expect(await listed(undefined, 1499)).toEqual([c, b, a, over])
      expect(await listed(minji.id, 1000)).toEqual([c, a])
      const after = { expiresAt: 2000, id: c.slice(0, 13) }
      expect((await console.sessions({ after, limit: 1 }, 1500)).items).toMatchObject([
        { tokenHash: b, user: { id: joon.id, username: 'joon' }, createdAt: 5, lastUsedAt: 5 },
      ])
      expect([await console.sessionHash(b.slice(0, 13)), await console.sessionHash('f'.repeat(13))]).toEqual([
        b,
        undefined,
      ])
    })
  })
}

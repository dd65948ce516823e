import { describe, expect, test } from 'bun:test'
import type { Revocation } from '../../src/auth/store.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { accountIn, roomIn, type TestStorage } from '../support/storage.ts'

const PRICELESS = { priceMinor: null, currency: null, imageUrl: null, url: null }

/** What was revoked while this was done. */
async function revokedBy({ revocations }: Storage, act: () => Promise<unknown>) {
  const { place } = await revocations.after(undefined)
  await act()
  return (await revocations.after(place)).revocations
}

/** The rules that every storage keeps about who may come in: a part of the storage contract. */
export function accessContract(name: string, open: () => Promise<TestStorage>) {
  describe(`${name}: people, as others manage them`, () => {
    test('[ST24] admits whom a token names: what it says is stored, unless what is stored is newer', async () => {
      await using opened = await open()
      const { users } = opened.storage
      const dan = (username: string, email?: string) => ({ id: 'dan', username, ...(email ? { email } : {}) })
      expect(await users.admit(dan('Dan', 'dan@example.com'), 100)).toMatchObject({
        ...dan('Dan', 'dan@example.com'),
        ...{ role: 'user', hasPassword: false, profileAt: 100, disabledAt: undefined },
      })
      expect(await users.admit(dan('Daniel'), 200)).toMatchObject(dan('Daniel', 'dan@example.com'))
      expect(await users.admit(dan('Danny', 'old@example.com'), 199)).toMatchObject(dan('Daniel', 'dan@example.com'))
      await users.upsert([{ id: 'dan', username: 'D.', email: null }], 300)
      await users.admit(dan('Old'), 299)
      expect(await users.find('dan')).toMatchObject({ username: 'D.', email: undefined, profileAt: 300 })
      expect(await users.change('dan', { username: 'Dan again' }, 400)).toBe(true)
      expect(await users.admit(dan('Old'), 399)).toMatchObject({ username: 'Dan again' })
      const minji = await accountIn(opened.storage, 'minji')
      await users.admit({ id: minji.id, username: 'Minji', email: 'taken-over@example.com' }, 500)
      expect(await users.find(minji.id)).toMatchObject({ username: 'Minji', email: minji.email, hasPassword: true })
      const many = Array.from({ length: 10 }, () => users.admit({ id: 'new', username: 'New' }, 1))
      expect(new Set((await Promise.all(many)).map(({ id }) => id))).toEqual(new Set(['new']))
    })

    test('[ST25] takes a batch of people whole or, where one was erased, not at all', async () => {
      await using opened = await open()
      const { users } = opened.storage
      const [minji, gone] = await Promise.all([accountIn(opened.storage, 'minji'), accountIn(opened.storage, 'gone')])
      await users.erase(gone.id, 'nobody', 2)
      const batch = [
        { id: 'new', username: 'New', email: 'new@example.com' },
        { id: minji.id, username: 'Minji Kim', email: null, disabled: true },
      ]
      const refused = await revokedBy(opened.storage, async () => {
        expect(await users.upsert([...batch, { id: gone.id, username: 'Back' }], 3)).toEqual({ erased: 2 })
      })
      expect(refused).toEqual([])
      expect(await users.find('new')).toBeUndefined()
      expect(await users.find(minji.id)).toMatchObject({ username: 'minji', disabledAt: undefined })
      const revoked = await revokedBy(opened.storage, async () => {
        expect(await users.upsert(batch, 4)).toMatchObject([
          { user: { id: 'new', email: 'new@example.com' }, before: undefined },
          { user: { username: 'Minji Kim', email: minji.email, disabledAt: 4 }, before: { username: 'minji' } },
        ])
        await users.upsert(batch, 5)
      })
      expect(revoked).toEqual([{ kind: 'user', subject: minji.id, at: 4 }])
      expect(await users.find(minji.id)).toMatchObject({ disabledAt: 4 })
      expect((await users.list(undefined, 2)).map(({ user }) => user.id).toSorted()).toEqual(
        [minji.id, gone.id].toSorted(),
      )
      const place = (await users.list(undefined, 2)).at(-1)?.place
      expect((await users.list(place, 2)).map(({ user }) => user.id)).toEqual(['new'])
    })

    test('[ST26] signs a person out, or shuts them out, and leaves word of it: nothing from before opens again', async () => {
      await using opened = await open()
      const { users, sessions } = opened.storage
      const [minji, joon] = await Promise.all([accountIn(opened.storage, 'minji'), accountIn(opened.storage, 'joon')])
      await sessions.start({ ...minji.session, tokenHash: 'second' }, 'none')
      const ticket = { userId: minji.id, basis: { seenAt: 1, expiresAt: 99 }, origin: undefined, expiresAt: 99 }
      await sessions.issueTicket({ ...ticket, ticketHash: 'ticket' }, 1)
      const revoked = await revokedBy(opened.storage, () => users.signOut(minji.id, 7))
      const hashes = [minji.session.tokenHash, 'second'].toSorted()
      expect(
        revoked
          .filter(({ kind }) => kind === 'session')
          .map(({ subject }) => subject)
          .toSorted(),
      ).toEqual(hashes)
      expect(revoked.filter(({ kind }) => kind !== 'session')).toEqual([{ kind: 'tokens', subject: minji.id, at: 7 }])
      for (const hash of hashes) expect(await sessions.find(hash)).toBeUndefined()
      expect(await sessions.spendTicket('ticket')).toBeUndefined()
      expect(await users.find(minji.id)).toMatchObject({ tokensFrom: 7, disabledAt: undefined, hasPassword: true })
      expect(await sessions.find(joon.session.tokenHash)).toMatchObject({ user: { id: joon.id, tokensFrom: 0 } })
      // A token of theirs may be out there, before they have ever come.
      expect(await users.signOut('never here', 8)).toBe(true)
      expect(await users.find('never here')).toMatchObject({ username: 'Member', tokensFrom: 8 })
      const out = await revokedBy(opened.storage, () => users.change(joon.id, { disabled: true }, 9))
      expect(out).toEqual([{ kind: 'user', subject: joon.id, at: 9 }])
      expect(await users.find(joon.id)).toMatchObject({ disabledAt: 9, tokensFrom: 9 })
      expect(await sessions.start({ ...joon.session, tokenHash: 'late' }, 'none')).toBe(false)
      // Nothing from before lets them in again.
      const back = await revokedBy(opened.storage, () => users.change(joon.id, { disabled: false }, 10))
      expect(back).toEqual([{ kind: 'session', subject: joon.session.tokenHash, at: 10 }])
      expect(await sessions.find(joon.session.tokenHash)).toBeUndefined()
      expect(await users.find(joon.id)).toMatchObject({ disabledAt: undefined, tokensFrom: 9 })
      expect(await users.change('nobody', { disabled: true }, 11)).toBe(false)
    })

    test('[ST27] erases a person for good: nothing that comes after brings anything of them back', async () => {
      await using opened = await open()
      const { users, accounts, sessions, products } = opened.storage
      const { owner, session, productId } = { ...(await roomIn(opened.storage)), session: 'second' }
      await sessions.start({ ...owner.session, tokenHash: session }, 'none')
      expect(await users.change(owner.id, { role: 'admin' }, 6)).toBe(true)
      // What comes after the first was on its way already.
      const revoked = await revokedBy(opened.storage, () =>
        Promise.all([
          users.erase(owner.id, 'gone', 7),
          users.change(owner.id, { username: 'Minji' }, 8),
          users.change(owner.id, { role: 'admin' }, 8),
          users.change(owner.id, { disabled: false }, 8),
          users.admit({ id: owner.id, username: 'Minji', email: owner.email }, 8),
          products.create({ ...PRICELESS, id: 'late', ownerId: owner.id, title: 'Tent', at: 8 }),
        ]),
      )
      expect(await products.find('late')).toBeUndefined()
      const hashes = new Set([owner.session.tokenHash, session])
      expect(revoked.filter(({ kind }) => kind === 'user')).toEqual([{ kind: 'user', subject: owner.id, at: 7 }])
      expect(new Set(revoked.filter(({ kind }) => kind === 'session').map(({ subject }) => subject))).toEqual(hashes)
      for (const hash of hashes) expect(await sessions.find(hash)).toBeUndefined()
      expect(await users.find(owner.id)).toMatchObject({
        ...{ username: 'gone', email: undefined, role: 'user', hasPassword: false, disabledAt: 7, erasedAt: 7 },
      })
      expect(await users.upsert([{ id: owner.id, username: 'Minji' }], 9)).toEqual({ erased: 0 })
      expect(await accounts.findByEmail(owner.email)).toBeUndefined()
      expect(await accounts.setPassword(owner.id, { current: undefined, next: 'new', keep: undefined }, 9)).toBe(false)
      expect(await sessions.start({ ...owner.session, tokenHash: 'late' }, 'none')).toBe(false)
      expect(await products.find(productId)).toMatchObject({ archivedAt: new Date(7).toISOString() })
      await users.erase(owner.id, 'gone', 9)
      expect(await users.find(owner.id)).toMatchObject({ username: 'gone', disabledAt: 7 })
      expect(await users.signOut(owner.id, 10)).toBe(false)
      await users.erase('never here', 'gone', 9)
      expect(await users.find('never here')).toMatchObject({ username: 'gone', erasedAt: 9 })
    })
  })

  describe(`${name}: keys and revocations`, () => {
    test('[ST28] has one live key of a name, found by its hash until it is revoked, and listed for ever', async () => {
      await using opened = await open()
      const { keys } = opened.storage
      const key = (id: string, createdAt: number, name = 'shop') => ({
        ...{ id, name, createdAt, keyHash: `hash of ${id}` },
        scopes: ['users', 'privacy'] as const,
      })
      const made = await Promise.all([keys.create(key('k1', 1)), keys.create(key('k2', 2)), keys.create(key('k3', 3))])
      expect(made).toEqual([true, false, false])
      expect(await keys.find('hash of k2')).toBeUndefined()
      const { keyHash: _, ...first } = { ...key('k1', 1), lastUsedAt: undefined, revokedAt: undefined }
      expect(await keys.find('hash of k1')).toEqual(first)
      await keys.touch('k1', 5)
      expect(await keys.find('hash of k1')).toEqual({ ...first, lastUsedAt: 5 })
      expect(await keys.revoke('shop', 6)).toBe(true)
      expect([
        await keys.revoke('shop', 7),
        await keys.revoke('k1', 7),
        await keys.revoke('hash of k1', 7),
      ]).not.toContain(true)
      expect(await keys.find('hash of k1')).toBeUndefined()
      expect([await keys.create(key('k4', 4)), await keys.create(key('k5', 5, 'other'))]).toEqual([true, true])
      expect(await keys.revoke('k4', 8)).toBe(true)
      expect((await keys.list()).map(({ id, revokedAt }) => [id, revokedAt])).toEqual([
        ['k1', 6],
        ['k4', 8],
        ['k5', undefined],
      ])
    })

    test('[ST29] gives each revocation once, in the order in which things ended, also after a restart', async () => {
      await using opened = await open()
      const { users, sessions } = opened.storage
      const people = await Promise.all(['minji', 'joon', 'dan'].map((each) => accountIn(opened.storage, each)))
      const [minji, joon, dan] = people
      if (!minji || !joon || !dan) throw new Error('nobody')
      const { place: start } = await opened.storage.revocations.after(undefined)
      // The clock jumps back, and a day on: neither changes the order.
      await sessions.end(minji.session.tokenHash, 900)
      await users.upsert([{ id: joon.id, username: 'joon', disabled: true }], 5)
      await users.signOut(dan.id, 24 * 3600 * 1000)
      const all: Omit<Revocation, 'at'>[] = [
        { kind: 'session', subject: minji.session.tokenHash },
        { kind: 'user', subject: joon.id },
        { kind: 'session', subject: dan.session.tokenHash },
        { kind: 'tokens', subject: dan.id },
      ]
      const { revocations } = await opened.reopen()
      const told = await revocations.after(start)
      expect(told.revocations.map(({ kind, subject }) => ({ kind, subject }))).toEqual(all)
      expect(await revocations.after(told.place)).toEqual({ revocations: [], place: told.place })
      expect(await revocations.after(undefined)).toEqual({ revocations: [], place: told.place })
      await opened.storage.sessions.end(joon.session.tokenHash, 1)
      expect((await revocations.after(told.place)).revocations).toMatchObject([{ subject: joon.session.tokenHash }])
    })
  })
}

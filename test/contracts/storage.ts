import { describe, expect, test } from 'bun:test'
import type { Storage } from '../../src/storage/storage.ts'
import type { Peer } from '../../src/users/model.ts'
import { accountIn, failure, roomIn, type TestStorage } from '../support/storage.ts'
import { accessContract } from './access.ts'
import { consoleContract } from './console.ts'
import { crowdContract } from './crowd.ts'
import { presenceContract } from './presence.ts'
import { textContract } from './texts.ts'

const draft = (roomId: number, sender: Peer, text: string, clientId: string | null = null) => ({
  roomId,
  sender: { id: sender.id, username: sender.username },
  text,
  clientId,
  at: 5,
})

/** What nobody sent. */
const notice = (roomId: number, text: string, clientId: string | null = null) => ({
  ...{ roomId, text, clientId },
  ...{ sender: null, at: 5 },
})

const THING = { priceMinor: null, currency: null, imageUrl: null, url: null }

/** A new room of theirs about another product. */
async function anotherRoom({ products, rooms }: Storage, owner: Peer, customer: Peer): Promise<number> {
  const productId = Bun.randomUUIDv7()
  await products.create({ ...THING, id: productId, ownerId: owner.id, title: 'Tent', at: 1 })
  return (await rooms.open({ ownerId: owner.id, customerId: customer.id, productId, at: 1 })).roomId
}

const summaryOf = async (storage: Storage, roomId: number, { id }: Peer) => {
  const summary = await storage.rooms.summary(roomId, id)
  if (!summary) throw new Error('no summary')
  return summary
}

/** The rules that every storage keeps. */
export function storageContract(name: string, open: () => Promise<TestStorage>) {
  describe(`${name}: messages`, () => {
    test('[ST1] numbers the messages of a room from 1 without gaps, also when they come at once', async () => {
      await using opened = await open()
      const { storage } = opened
      const rooms = await Promise.all([roomIn(storage), roomIn(storage), roomIn(storage)])
      const sends = rooms.flatMap(({ roomId, owner, customer }) =>
        Array.from({ length: 200 }, (_, at) =>
          storage.messages.append(draft(roomId, at % 3 ? owner : customer, `${at}`)),
        ),
      )
      const sent = await Promise.all(sends)
      for (const { roomId } of rooms) {
        const seqs = sent.filter(({ message }) => message.roomId === roomId).map(({ message }) => message.seq)
        expect(seqs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, at) => at + 1))
        expect(await storage.messages.lastSeq(roomId)).toBe(200)
      }
    })

    test('[ST2] returns the first message when a client id repeats, in one batch, later, and after a restart', async () => {
      await using opened = await open()
      const { owner, roomId } = await roomIn(opened.storage)
      const once = draft(roomId, owner, 'once', 'c1')
      const [first, same] = await Promise.all([
        opened.storage.messages.append(once),
        opened.storage.messages.append(once),
      ])
      expect(first.created).toBe(true)
      expect(same).toEqual({ message: first.message, created: false })
      expect(await opened.storage.messages.append({ ...once, at: 99 })).toEqual(same)
      const again = await opened.reopen()
      expect(await again.messages.append({ ...once, at: 100 })).toEqual(same)
      expect(await again.messages.lastSeq(roomId)).toBe(1)
    })

    test('[ST3] refuses a client id that stands for another text, and stores nothing', async () => {
      await using opened = await open()
      const { storage } = opened
      const { owner, roomId } = await roomIn(storage)
      await storage.messages.append(draft(roomId, owner, 'once', 'c1'))
      const other = storage.messages.append(draft(roomId, owner, 'other', 'c1'))
      expect(await failure(other)).toMatchObject({ code: 'client_id_reused' })
      expect(await storage.messages.lastSeq(roomId)).toBe(1)
    })

    test('[ST4] keeps the client ids of the two people apart', async () => {
      await using opened = await open()
      const { owner, customer, roomId } = await roomIn(opened.storage)
      const both = [owner, customer].map((sender) => opened.storage.messages.append(draft(roomId, sender, 'hi', 'c1')))
      expect((await Promise.all(both)).map(({ created }) => created)).toEqual([true, true])
    })

    test('[ST5] recognises a client id among the newest 64 entries, and not after them', async () => {
      await using opened = await open()
      const { storage } = opened
      const { owner, roomId } = await roomIn(storage)
      await storage.messages.append(draft(roomId, owner, 'first', 'first'))
      await Promise.all(
        Array.from({ length: 63 }, (_, at) => storage.messages.append(draft(roomId, owner, 'x', `n${at}`))),
      )
      expect((await storage.messages.append(draft(roomId, owner, 'first', 'first'))).created).toBe(false)
      await storage.messages.append(draft(roomId, owner, 'the 65th'))
      expect((await storage.messages.append(draft(roomId, owner, 'first', 'first'))).message.seq).toBe(66)
    })

    test('[ST6] knows no room that does not exist', async () => {
      await using opened = await open()
      const owner = await accountIn(opened.storage, 'minji')
      expect(await failure(opened.storage.messages.append(draft(99, owner, 'hi')))).toMatchObject({ code: 'not_found' })
    })

    test('[ST7] gives spans of history, ascending', async () => {
      await using opened = await open()
      const { storage } = opened
      const { owner, roomId } = await roomIn(storage)
      for (let n = 1; n <= 10; n++) await storage.messages.append(draft(roomId, owner, `${n}`))
      const span = async (asked: { before?: number; after?: number; limit: number }) =>
        (await storage.messages.span(roomId, asked)).map(({ seq }) => seq)
      expect(await span({ limit: 3 })).toEqual([8, 9, 10])
      expect(await span({ before: 8, limit: 3 })).toEqual([5, 6, 7])
      expect(await span({ after: 8, limit: 3 })).toEqual([9, 10])
      expect(await span({ after: 0, limit: 3 })).toEqual([1, 2, 3])
      expect(await span({ after: 10, limit: 3 })).toEqual([])
    })

    test('[ST8] takes what nobody sent as an entry like any other, which nobody has to have read', async () => {
      await using opened = await open()
      const { storage } = opened
      const { owner, customer, roomId } = await roomIn(storage)
      await storage.messages.append(draft(roomId, customer, 'hi', 'c1'))
      const { message, created } = await storage.messages.append(notice(roomId, 'paid', 'c1'))
      expect(created).toBe(true)
      expect(message).toMatchObject({ seq: 2, kind: 'system', sender: null, text: 'paid', clientId: 'c1' })
      expect(await storage.messages.append(notice(roomId, 'paid', 'c1'))).toEqual({ message, created: false })
      const other = storage.messages.append(notice(roomId, 'not paid', 'c1'))
      expect(await failure(other)).toMatchObject({ code: 'client_id_reused' })
      const again = await opened.reopen()
      expect(await again.messages.append(notice(roomId, 'paid', 'c1'))).toEqual({ message, created: false })
      expect((await again.messages.span(roomId, { limit: 1 }))[0]).toEqual(message)
      expect(await summaryOf(again, roomId, owner)).toMatchObject({ unread: 1, readSeq: 0, lastMessage: message })
      expect(await summaryOf(again, roomId, customer)).toMatchObject({ unread: 0, readSeq: 1, lastSeq: 2 })
      expect(await again.rooms.markRead(roomId, 'owner', 2)).toMatchObject({ readSeq: 2, unread: 0 })
    })

    test('[ST9] erases the texts of one person in a room, some at a time, and leaves every entry in its place', async () => {
      await using opened = await open()
      const { messages } = opened.storage
      const { owner, customer, roomId } = await roomIn(opened.storage)
      const other = await anotherRoom(opened.storage, customer, owner)
      const entries = (room: number) => [
        draft(room, customer, 'theirs', 'c1'),
        draft(room, owner, 'the other one’s', 'c1'),
        notice(room, 'paid', 'c1'),
      ]
      const many = Array.from({ length: 1200 }, () => draft(roomId, customer, 'theirs'))
      const all = [...entries(roomId), ...entries(other), ...many]
      await Promise.all(all.map((each) => messages.append(each)))
      const before = await summaryOf(opened.storage, roomId, owner)

      const places: number[] = []
      const next = (after: number) => messages.erase({ userId: customer.id, roomId, after, at: 9 })
      for (let at: number | undefined = 0; at !== undefined; at = await next(at)) places.push(at)
      expect(places.length).toBeGreaterThan(2)
      expect(places).toEqual(places.toSorted((a, b) => a - b))
      const left = await messages.span(roomId, { after: 0, limit: 2000 })
      const count = (entry: string) => left.filter(({ kind, text }) => `${kind} ${text}` === entry).length
      expect([left.length, count('deleted ')]).toEqual([1203, 1201])
      expect([count('text the other one’s'), count('system paid')]).toEqual([1, 1])
      // The newest entry with something to show is the last one now; nothing else of the room has changed.
      const lastMessage = left.findLast(({ kind }) => kind !== 'deleted') ?? null
      const lastActivityAt = lastMessage?.createdAt ?? ''
      expect(await summaryOf(opened.storage, roomId, owner)).toEqual({ ...before, lastMessage, lastActivityAt })
      expect((await messages.span(other, { limit: 9 })).map(({ kind }) => kind)).not.toContain('deleted')
      // Their client id stands for nothing any more; that of the other one does.
      expect((await messages.append(draft(roomId, customer, 'anew', 'c1'))).created).toBe(true)
      expect((await summaryOf(opened.storage, roomId, owner)).lastMessage).toMatchObject({ text: 'anew', seq: 1204 })
      expect(await messages.erase({ userId: 'nobody', roomId, after: 0, at: 9 })).toBeUndefined()
    })
  })

  describe(`${name}: rooms`, () => {
    test('[ST10] makes one room for an owner, a customer and a product, however many ask at once', async () => {
      await using opened = await open()
      const { key, roomId } = await roomIn(opened.storage)
      const asked = Array.from({ length: 20 }, () => opened.storage.rooms.open({ ...key, at: 2 }))
      expect(new Set((await Promise.all(asked)).map((room) => room?.roomId))).toEqual(new Set([roomId]))
    })

    test('[ST11] counts what each side has not read; who writes has read', async () => {
      await using opened = await open()
      const { storage } = opened
      const { owner, customer, roomId } = await roomIn(storage)
      for (const text of ['1', '2', '3']) await storage.messages.append(draft(roomId, customer, text))
      expect(await summaryOf(storage, roomId, owner)).toMatchObject({ unread: 3, readSeq: 0, peerReadSeq: 3 })
      expect(await summaryOf(storage, roomId, customer)).toMatchObject({ unread: 0, readSeq: 3, peerReadSeq: 0 })
      await storage.messages.append(draft(roomId, owner, '4'))
      expect(await summaryOf(storage, roomId, owner)).toMatchObject({ unread: 0, readSeq: 4 })
      expect(await summaryOf(storage, roomId, customer)).toMatchObject({ unread: 1, readSeq: 3 })
    })

    test('[ST12] moves a read mark forward only, never past the end, also beside a send of the same batch', async () => {
      await using opened = await open()
      const { storage } = opened
      const { owner, customer, roomId } = await roomIn(storage)
      for (const text of ['1', '2', '3']) await storage.messages.append(draft(roomId, customer, text))
      expect(await storage.rooms.markRead(roomId, 'owner', 2)).toEqual({
        readSeq: 2,
        deliveredSeq: 2,
        unread: 1,
        moved: true,
      })
      expect(await storage.rooms.markRead(roomId, 'owner', 1)).toEqual({
        readSeq: 2,
        deliveredSeq: 2,
        unread: 1,
        moved: false,
      })
      const [, mark] = await Promise.all([
        storage.messages.append(draft(roomId, customer, '4')),
        storage.rooms.markRead(roomId, 'owner', 99),
      ])
      expect(mark).toMatchObject({ readSeq: 4, unread: 0, moved: true })
      expect(await summaryOf(storage, roomId, owner)).toMatchObject({ unread: 0, readSeq: 4, lastSeq: 4 })
    })

    test('[ST13] adds up what is unread in all rooms of a person, on both sides', async () => {
      await using opened = await open()
      const { storage } = opened
      const { owner, customer, roomId } = await roomIn(storage)
      await storage.products.create({
        ...{ id: 'tent', ownerId: customer.id, at: 1, title: 'Tent' },
        ...{ priceMinor: null, currency: null, imageUrl: null, url: null },
      })
      const key = { ownerId: customer.id, customerId: owner.id, productId: 'tent' }
      const turned = await storage.rooms.open({ ...key, at: 1 })
      for (const room of [roomId, roomId, turned?.roomId ?? 0])
        await storage.messages.append(draft(room, customer, 'hi'))
      expect(await storage.rooms.totalUnread(owner.id)).toBe(3)
      expect(await storage.rooms.totalUnread(customer.id)).toBe(0)
    })

    test('[ST14] orders the inbox by the newest message, and hides an empty room from its owner', async () => {
      await using opened = await open()
      const { storage } = opened
      const { owner, customer, roomId } = await roomIn(storage)
      const filter = { role: undefined, productId: undefined, unread: false, after: undefined, limit: 10 }
      const roomsOf = async (person: Peer) =>
        (await storage.rooms.inbox(person.id, filter)).map(({ summary }) => summary.id)
      expect(await roomsOf(owner)).toEqual([])
      expect(await roomsOf(customer)).toEqual([roomId])
      const tent = { title: 'Tent', priceMinor: null, currency: null, imageUrl: null, url: null }
      await storage.products.create({ ...tent, id: 'tent', ownerId: owner.id, at: 1 })
      const key = { ownerId: owner.id, customerId: customer.id, productId: 'tent' }
      const second = (await storage.rooms.open({ ...key, at: 1 }))?.roomId ?? 0
      await storage.messages.append(draft(second, customer, 'hi'))
      await storage.messages.append(draft(roomId, customer, 'hi'))
      expect(await roomsOf(owner)).toEqual([roomId, second])
      await storage.messages.append(draft(second, owner, 'hi'))
      expect(await roomsOf(owner)).toEqual([second, roomId])
    })

    test('[ST15] finds the room of three, and makes none', async () => {
      await using opened = await open()
      const { rooms } = opened.storage
      const { key, roomId, owner, customer } = await roomIn(opened.storage)
      expect(await rooms.find(key)).toBe(roomId)
      const turned = { ...key, ownerId: customer.id, customerId: owner.id }
      for (const other of [turned, { ...key, productId: 'nothing' }, { ...key, customerId: 'nobody' }]) {
        expect(await rooms.find(other)).toBeUndefined()
      }
      expect(await rooms.open({ ...key, at: 9 })).toEqual({ roomId, created: false })
      expect(await rooms.idsOf(owner.id)).toEqual([roomId])
    })

    test('[ST16] gives all rooms of a person by id, empty ones and both sides too, each once', async () => {
      await using opened = await open()
      const { storage } = opened
      const { owner, customer, roomId } = await roomIn(storage)
      const made = [roomId]
      for (let n = 0; n < 6; n++)
        made.push(await anotherRoom(storage, n % 2 ? owner : customer, n % 2 ? customer : owner))
      // What was written last stands where it stood.
      await storage.messages.append(draft(made[2] ?? 0, owner, 'hi'))
      await roomIn(storage)
      for (const person of [owner, customer]) expect(await storage.rooms.idsOf(person.id)).toEqual(made)
      expect(await storage.rooms.idsOf('nobody')).toEqual([])
    })
  })

  describe(`${name}: products`, () => {
    test('[ST17] takes a batch whole or, where an owner is nobody or was erased, not at all', async () => {
      await using opened = await open()
      const { products, users } = opened.storage
      const [minji, joon] = await Promise.all([accountIn(opened.storage, 'minji'), accountIn(opened.storage, 'joon')])
      const item = (id: string, ownerId: string) => ({ id, ownerId, title: id })
      await products.upsert([item('known', minji.id)], 1)
      await users.erase(joon.id, 'gone', 2)
      for (const ownerId of ['nobody', joon.id]) {
        const batch = [item('new', minji.id), { ...item('known', minji.id), title: 'changed' }, item('third', ownerId)]
        expect(await products.upsert(batch, 3)).toEqual({ ownerless: 2 })
        expect(await products.find('new')).toBeUndefined()
        expect(await products.find('known')).toMatchObject({ title: 'known' })
      }
      const done = await products.upsert([item('new', minji.id), item('known', minji.id)], 4)
      expect(done).toMatchObject([
        { created: true, product: { id: 'new' } },
        { created: false, product: { id: 'known' } },
      ])
    })

    test('[ST18] leaves what an upsert leaves out, and its place in the list; an archiving keeps its time', async () => {
      await using opened = await open()
      const { products } = opened.storage
      const [minji, joon] = await Promise.all([accountIn(opened.storage, 'minji'), accountIn(opened.storage, 'joon')])
      const upsert = async (fields: object) => {
        const upserted = await products.upsert([{ id: 'bike', ownerId: minji.id, title: 'Bike', ...fields }], now++)
        expect(Array.isArray(upserted) && upserted[0]?.product).toEqual((await products.find('bike')) ?? false)
        return products.find('bike')
      }
      let now = 10
      const price = { priceMinor: 7, currency: 'EUR' }
      const links = { imageUrl: 'https://a.example/', url: 'https://b.example/' }
      const made = await upsert({ ...price, ...links })
      await products.upsert([{ id: 'tent', ownerId: minji.id, title: 'Tent' }], 11)
      const at = (ms: number) => new Date(ms).toISOString()
      const bike = {
        id: 'bike',
        ownerId: minji.id,
        title: 'Bike',
        ...price,
        ...links,
        createdAt: at(10),
        archivedAt: null,
      }
      expect(made).toEqual(bike)
      const given = { ownerId: joon.id, title: 'Sold', url: null }
      expect(await upsert(given)).toEqual({ ...bike, ...given })
      for (const archived of [true, undefined, true]) {
        expect(await upsert({ ...given, archived })).toEqual({ ...bike, ...given, archivedAt: at(12) })
      }
      expect(await upsert({ archived: false })).toEqual({ ...bike, url: null })
      const listed = await products.list({ q: undefined, ownerId: undefined, before: undefined, limit: 5 })
      expect(listed.map(({ product }) => product.id)).toEqual(['tent', 'bike'])
    })

    test('[ST19] gives all that one person has, oldest first, archived ones too', async () => {
      await using opened = await open()
      const { products } = opened.storage
      const [minji, joon] = await Promise.all([accountIn(opened.storage, 'minji'), accountIn(opened.storage, 'joon')])
      const ids = Array.from({ length: 7 }, (_, n) => `p${n}`)
      // The clock jumps back: no order is by time.
      for (const [at, id] of ids.entries())
        await products.create({ ...THING, id, ownerId: minji.id, title: id, at: 99 - at })
      await products.create({ ...THING, id: 'other', ownerId: joon.id, title: 'other', at: 1 })
      await products.archive('p3', minji.id, 5)
      const seen: string[] = []
      for (let page = await products.ofOwner(minji.id, 0, 3); page.length > 0; ) {
        expect(page.length).toBeWithin(1, 4)
        seen.push(...page.map(({ product }) => product.id))
        page = await products.ofOwner(minji.id, page.at(-1)?.place ?? 0, 3)
      }
      expect(seen).toEqual(ids)
    })
  })

  describe(`${name}: people`, () => {
    test('[ST20] makes one account for an e-mail, however many ask at once', async () => {
      await using opened = await open()
      const create = (at: number) =>
        opened.storage.accounts.create(
          { id: `u${at}`, username: 'x', email: 'one@example.com', createdAt: 1, passwordHash: 'h' },
          { tokenHash: `t${at}`, userId: `u${at}`, createdAt: 1, expiresAt: 2 },
        )
      const made = await Promise.all(Array.from({ length: 10 }, (_, at) => create(at)))
      expect(made.filter(Boolean)).toHaveLength(1)
    })

    test('[ST21] gives a ticket to exactly one of many who spend it, and takes it away with its session', async () => {
      await using opened = await open()
      const { sessions } = opened.storage
      const { id, session } = await accountIn(opened.storage, 'minji')
      const basis = { session: session.tokenHash }
      const ticket = { userId: id, basis, origin: undefined, expiresAt: 100 }
      await sessions.issueTicket({ ...ticket, ticketHash: 'a' }, 1)
      await sessions.issueTicket({ ...ticket, ticketHash: 'b' }, 1)
      const spent = await Promise.all(Array.from({ length: 5 }, () => sessions.spendTicket('a')))
      expect(spent.filter((record) => record?.userId === id)).toHaveLength(1)
      await sessions.end(session.tokenHash, 2)
      expect(await sessions.spendTicket('b')).toBeUndefined()
      expect(await sessions.find(session.tokenHash)).toBeUndefined()
      expect(await sessions.issueTicket({ ...ticket, ticketHash: 'c' }, 1)).toBe(false)
    })

    test('[ST22] ends all sessions but one with a new password, and leaves word of them', async () => {
      await using opened = await open()
      const { accounts, sessions, revocations } = opened.storage
      const { place } = await revocations.after(undefined)
      const { id, session } = await accountIn(opened.storage, 'minji')
      const second = { tokenHash: 'second', userId: id, createdAt: 1, expiresAt: 100 }
      expect(await sessions.start(second, 'none')).toBe(true)
      const change = { current: 'none', next: 'new', keep: 'second' }
      expect(await accounts.setPassword(id, change, 7)).toBe(true)
      expect(await sessions.find(session.tokenHash)).toBeUndefined()
      expect(await sessions.find('second')).toMatchObject({ user: { id } })
      const told = await revocations.after(place)
      expect(told.revocations).toEqual([{ kind: 'session', subject: session.tokenHash, at: 7 }])
      expect(await revocations.after(told.place)).toEqual({ revocations: [], place: told.place })
    })

    test('[ST32] keeps the newest hundred sessions of a person, and leaves word of the others', async () => {
      await using opened = await open()
      const { sessions, revocations } = opened.storage
      const { id, session } = await accountIn(opened.storage, 'minji')
      const { place } = await revocations.after(undefined)
      for (let n = 1; n <= 100; n++) {
        await sessions.start({ tokenHash: `s${n}`, userId: id, createdAt: 1 + n, expiresAt: 10_000 }, 'none')
      }
      expect((await revocations.after(place)).revocations).toMatchObject([{ subject: session.tokenHash }])
      expect(await sessions.find(session.tokenHash)).toBeUndefined()
      expect(await sessions.find('s1')).toBeDefined()
    })

    test('[ST23] neither starts a session nor sets a password for a hash that has changed since it was checked', async () => {
      await using opened = await open()
      const { accounts, sessions } = opened.storage
      const { id, session } = await accountIn(opened.storage, 'minji')
      const late = { tokenHash: 'late', userId: id, createdAt: 1, expiresAt: 100 }
      const [changed, again, started] = await Promise.all([
        accounts.setPassword(id, { current: 'none', next: 'new', keep: session.tokenHash }, 2),
        accounts.setPassword(id, { current: 'none', next: 'newer', keep: session.tokenHash }, 2),
        sessions.start(late, 'none'),
      ])
      expect({ changed, again, started }).toEqual({ changed: true, again: false, started: false })
      expect(await sessions.find('late')).toBeUndefined()
      expect(await sessions.start(late, 'new')).toBe(true)
    })
  })

  accessContract(name, open)
  presenceContract(name, open)

  test(`[ST30] ${name}: an item's own fault costs the others of its batch nothing`, async () => {
    await using opened = await open()
    const { storage } = opened
    const { key, owner, customer, roomId } = await roomIn(storage)
    const [before, fault, after, retried] = await Promise.allSettled([
      storage.messages.append(draft(roomId, owner, 'before', 'c1')),
      // A room of somebody who does not exist breaks a constraint.
      storage.rooms.open({ ...key, ownerId: 'nobody', at: 1 }),
      storage.messages.append(draft(roomId, customer, 'after')),
      storage.messages.append(draft(roomId, owner, 'before', 'c1')),
    ])
    expect(before).toMatchObject({ status: 'fulfilled', value: { message: { seq: 1 } } })
    expect(fault.status).toBe('rejected')
    expect(after).toMatchObject({ status: 'fulfilled', value: { message: { seq: 2 } } })
    expect(retried).toMatchObject({ status: 'fulfilled', value: { message: { seq: 1 }, created: false } })
    expect(await summaryOf(storage, roomId, owner)).toMatchObject({ lastSeq: 2, unread: 1 })
    expect((await storage.messages.append(draft(roomId, owner, 'later'))).message.seq).toBe(3)
  })

  test(`[ST31] ${name}: a clock that jumps back changes no order`, async () => {
    await using opened = await open()
    const { storage } = opened
    const [first, second] = await Promise.all([roomIn(storage), roomIn(storage)])
    for (const { roomId, owner } of [first, second]) {
      await storage.messages.append({ ...draft(roomId, owner, 'before'), at: 9_000_000 })
      await storage.messages.append({ ...draft(roomId, owner, 'after'), at: 1_000 })
    }
    const page = await storage.messages.span(first.roomId, { limit: 10 })
    expect(page.map(({ seq, text }) => [seq, text])).toEqual([
      [1, 'before'],
      [2, 'after'],
    ])
    await storage.messages.append({ ...draft(first.roomId, first.owner, 'newest'), at: 1 })
    const bike = { title: 'Tent', priceMinor: null, currency: null, imageUrl: null, url: null }
    await storage.products.create({ ...bike, id: 'tent', ownerId: first.owner.id, at: 0 })
    const listed = await storage.products.list({ q: undefined, ownerId: first.owner.id, before: undefined, limit: 5 })
    expect(listed[0]?.product.id).toBe('tent')
  })

  textContract(name, open)
  crowdContract(name, open)
  consoleContract(name, open)
}

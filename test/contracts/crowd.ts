import { describe, expect, test } from 'bun:test'
import type { Storage } from '../../src/storage/storage.ts'
import { accountIn, roomIn, type TestStorage } from '../support/storage.ts'

/** 1, 2, 3, and so on. */
const upTo = (length: number) => Array.from({ length }, (_, at) => at + 1)

const inbox = ({ rooms }: Storage, userId: string) => {
  const filter = { role: undefined, productId: undefined, unread: false, limit: 4 }
  return (after: { lastMessageId: number; roomId: number } | undefined) => rooms.inbox(userId, { ...filter, after })
}

/** The rules that every storage keeps when many come at once, and over many pages: a part of the storage contract. */
export function crowdContract(name: string, open: () => Promise<TestStorage>) {
  describe(`${name}: many at once`, () => {
    test('[ST46] stores what repeats in one batch once, in each room, and answers in the order of arrival', async () => {
      await using opened = await open()
      const { messages } = opened.storage
      const pairs = await Promise.all(upTo(3).map(() => roomIn(opened.storage)))
      const sends = upTo(40).flatMap((n) =>
        pairs.flatMap(({ roomId, owner, customer }) =>
          // Everybody tries each of their own three times; and the other one uses the same ids.
          [owner, customer, owner, customer, owner].map(({ id, username }) => {
            const clientId = `c${n % 20}`
            return { roomId, sender: { id, username }, text: `${username} ${n % 20}`, clientId, at: 5 }
          }),
        ),
      )
      const sent = await Promise.all(sends.map((draft) => messages.append(draft)))
      for (const { roomId } of pairs) {
        const own = sent.filter(({ message }) => message.roomId === roomId)
        expect(own.filter(({ created }) => created).map(({ message }) => message.seq)).toEqual(upTo(40))
        const kept = await messages.span(roomId, { after: 0, limit: 100 })
        const bySeq = new Map(kept.map((message) => [message.seq, message]))
        expect(bySeq.size).toBe(40)
        for (const { message } of own) expect(bySeq.get(message.seq)).toEqual(message)
      }
    })

    test('[ST47] lets many people sign in, change and sign out at once, and each of them once', async () => {
      await using opened = await open()
      const { sessions, accounts, users, revocations } = opened.storage
      const { place } = await revocations.after(undefined)
      const people = await Promise.all(upTo(40).map((n) => accountIn(opened.storage, `person ${n}`)))
      const started = people.map(({ id }) =>
        sessions.start({ tokenHash: `second of ${id}`, userId: id, createdAt: 2, expiresAt: 9 }, 'none'),
      )
      expect(new Set(await Promise.all(started))).toEqual(new Set([true]))
      const changed = people.map(({ id }, n) => {
        if (n % 4 === 0) return users.signOut(id, 3)
        if (n % 4 === 1) return accounts.setPassword(id, { current: 'none', next: 'new', keep: undefined }, 3)
        return n % 4 === 2 ? users.change(id, { disabled: true }, 3) : users.erase(id, 'gone', 3).then(() => true)
      })
      expect(new Set(await Promise.all(changed))).toEqual(new Set([true]))
      const told = (await revocations.after(place)).revocations.map(({ kind, subject }) => `${kind} ${subject}`)
      const expected = people.flatMap(({ id, session }, n) => [
        ...(n % 4 === 2 ? [] : [`session ${session.tokenHash}`, `session second of ${id}`]),
        ...(n % 4 === 0 ? [`tokens ${id}`] : []),
        ...(n % 4 >= 2 ? [`user ${id}`] : []),
      ])
      expect(told.toSorted()).toEqual(expected.toSorted())
    })

    test('[ST48] gives an inbox page by page, each room once, also those in which nobody has written', async () => {
      await using opened = await open()
      const { products, rooms, messages } = opened.storage
      const { owner, customer, roomId } = await roomIn(opened.storage)
      const thing = { title: 'Tent', priceMinor: null, currency: null, imageUrl: null, url: null, at: 1 }
      const made = [roomId]
      for (const n of upTo(13)) {
        await products.create({ ...thing, id: `p${n}`, ownerId: owner.id })
        const opened = await rooms.open({ ownerId: owner.id, customerId: customer.id, productId: `p${n}`, at: 1 })
        made.push(opened.roomId)
      }
      const { id, username } = customer
      const written = made.slice(5, 10)
      for (const room of written) {
        await messages.append({ roomId: room, sender: { id, username }, text: 'hi', clientId: null, at: 5 })
      }
      for (const [person, count] of [
        [customer, 14],
        [owner, 5],
      ] as const) {
        const next = inbox(opened.storage, person.id)
        const seen: number[] = []
        for (let page = await next(undefined); page.length > 0; page = await next(page.at(-1)?.place)) {
          seen.push(...page.map(({ summary }) => summary.id))
        }
        expect(seen.slice(0, 5)).toEqual(written.toReversed())
        expect([seen.length, new Set(seen).size]).toEqual([count, count])
      }
    })

    test('[ST49] tells which rooms have changed since a place, of these people alone, each once', async () => {
      await using opened = await open()
      const { rooms, messages } = opened.storage
      const [first, second, other] = await Promise.all(upTo(3).map(() => roomIn(opened.storage)))
      if (!first || !second || !other) throw new Error('no rooms')
      const say = ({ roomId, customer }: typeof first) => {
        const sender = { id: customer.id, username: customer.username }
        return messages.append({ roomId, sender, text: 'hi', clientId: null, at: 5 })
      }
      const people = [first.owner.id, first.customer.id, second.owner.id, 'nobody']
      const start = await rooms.changedSince(people, undefined)
      expect(start.rooms).toEqual([])
      expect(await rooms.changedSince(people, start.place)).toEqual(start)
      await say(first)
      const between = await rooms.changedSince(people, start.place)
      expect(between.rooms).toEqual([{ roomId: first.roomId, lastSeq: 1 }])
      for (const pair of [first, second, other]) await say(pair)
      const byRoom = (changed: { roomId: number }[]) => changed.toSorted((a, b) => a.roomId - b.roomId)
      const both = [
        { roomId: first.roomId, lastSeq: 2 },
        { roomId: second.roomId, lastSeq: 1 },
      ]
      for (const place of [start.place, between.place]) {
        const changed = await rooms.changedSince(people, place)
        expect(byRoom(changed.rooms)).toEqual(byRoom(both))
        expect(changed.place).toBeGreaterThan(between.place)
        expect(await rooms.changedSince(people, changed.place)).toEqual({ rooms: [], place: changed.place })
      }
      expect((await rooms.changedSince(['nobody'], start.place)).rooms).toEqual([])
      expect((await rooms.changedSince([], start.place)).rooms).toEqual([])
    })
  })
}

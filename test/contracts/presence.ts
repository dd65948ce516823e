import { describe, expect, test } from 'bun:test'
import type { Storage } from '../../src/storage/storage.ts'
import type { Peer } from '../../src/users/model.ts'
import { accountIn, roomIn, type TestStorage } from '../support/storage.ts'

const MINUTE = 60_000

const say = ({ messages }: Storage, roomId: number, { id, username }: Peer, text = 'hi') =>
  messages.append({ roomId, sender: { id, username }, text, clientId: null, at: 5 })

/** The rules that every storage keeps about who was here, and what was received and is unread. */
export function presenceContract(name: string, open: () => Promise<TestStorage>) {
  describe(`${name}: who was here`, () => {
    test('[ST33] tells of those with whom the asker has a room in which one has written, from either side, in the order asked, and of nobody else', async () => {
      await using opened = await open()
      const { storage } = opened
      const { owner, customer, roomId } = await roomIn(storage)
      const stranger = await accountIn(storage, 'eve')
      await storage.presence.note([owner, customer, stranger].map(({ id }) => ({ userId: id, at: MINUTE })))
      const ids = [stranger.id, 'nobody', customer.id, owner.id]
      for (const asker of [owner, customer]) expect(await storage.presence.ofPeers(asker.id, ids)).toEqual([])
      await storage.messages.append({ roomId, sender: null, text: 'Welcome.', clientId: null, at: 5 })
      for (const asker of [owner, customer]) expect(await storage.presence.ofPeers(asker.id, ids)).toEqual([])
      await say(storage, roomId, customer)
      const seen = (userId: string) => ({ userId, lastSeenAt: MINUTE, isHidden: false })
      expect(await storage.presence.ofPeers(owner.id, ids)).toEqual([seen(customer.id)])
      expect(await storage.presence.ofPeers(customer.id, ids)).toEqual([seen(owner.id)])
      for (const asker of [stranger.id, 'nobody']) expect(await storage.presence.ofPeers(asker, ids)).toEqual([])
      expect(await storage.presence.ofPeers(owner.id, [])).toEqual([])
      const twice = [customer.id, customer.id]
      expect((await storage.presence.ofPeers(owner.id, twice)).map(({ userId }) => userId)).toEqual(twice)
    })

    test('[ST34] knows nothing of who was never here; the mark of a person only moves forward, also over a restart', async () => {
      await using opened = await open()
      const { owner, customer, roomId } = await roomIn(opened.storage)
      await say(opened.storage, roomId, customer)
      const lastSeen = async () => (await opened.storage.presence.find(owner.id))?.lastSeenAt
      expect(await opened.storage.presence.find(owner.id)).toBeUndefined()
      expect(await opened.storage.presence.ofPeers(customer.id, [owner.id])).toEqual([
        { userId: owner.id, lastSeenAt: undefined, isHidden: false },
      ])
      for (const at of [2 * MINUTE, 5 * MINUTE, 3 * MINUTE]) {
        await opened.storage.presence.note([{ userId: owner.id, at }])
      }
      expect(await lastSeen()).toBe(5 * MINUTE)
      await opened.reopen()
      expect(await lastSeen()).toBe(5 * MINUTE)
      // Nobody, and nobody at all, cost the others nothing.
      await opened.storage.presence.note([])
      await opened.storage.presence.note([
        { userId: 'nobody', at: MINUTE },
        { userId: owner.id, at: 6 * MINUTE },
      ])
      expect(await lastSeen()).toBe(6 * MINUTE)
      expect(await opened.storage.presence.find('nobody')).toBeUndefined()
    })

    test('[ST35] keeps nothing of when somebody was here who hides: not what was there, and not what comes', async () => {
      await using opened = await open()
      const { presence } = opened.storage
      const { owner, customer, roomId } = await roomIn(opened.storage)
      await say(opened.storage, roomId, customer)
      const seen = () => presence.find(owner.id)
      await presence.note([{ userId: owner.id, at: MINUTE }])
      expect(await presence.isHidden(owner.id)).toBe(false)
      expect(await presence.hide(owner.id, true)).toBe(true)
      expect(await seen()).toEqual({ lastSeenAt: undefined, isHidden: true })
      await presence.note([{ userId: owner.id, at: 2 * MINUTE }])
      expect(await seen()).toEqual({ lastSeenAt: undefined, isHidden: true })
      expect(await presence.ofPeers(customer.id, [owner.id])).toMatchObject([{ lastSeenAt: undefined, isHidden: true }])
      expect(await presence.hide(owner.id, true)).toBe(false)
      const again = await opened.reopen()
      expect(await again.presence.isHidden(owner.id)).toBe(true)
      for (const isNew of [true, false]) expect(await again.presence.hide(owner.id, false)).toBe(isNew)
      expect(await again.presence.find(owner.id)).toEqual({ lastSeenAt: undefined, isHidden: false })
      await again.presence.note([{ userId: owner.id, at: 3 * MINUTE }])
      expect(await again.presence.find(owner.id)).toEqual({ lastSeenAt: 3 * MINUTE, isHidden: false })
      // One who was never here can hide; nobody cannot.
      expect(await again.presence.hide(customer.id, false)).toBe(false)
      expect(await again.presence.hide(customer.id, true)).toBe(true)
      expect(await again.presence.isHidden(customer.id)).toBe(true)
      expect(await again.presence.hide('nobody', true)).toBe(false)
      expect(await again.presence.isHidden('nobody')).toBe(false)
    })

    test('[ST36] forgets it with the person', async () => {
      await using opened = await open()
      const { presence, users } = opened.storage
      const { owner, customer, roomId } = await roomIn(opened.storage)
      await say(opened.storage, roomId, customer)
      await presence.note([{ userId: owner.id, at: MINUTE }])
      await users.erase(owner.id, 'gone', 2)
      expect(await presence.find(owner.id)).toBeUndefined()
      expect(await presence.ofPeers(customer.id, [owner.id])).toMatchObject([
        { lastSeenAt: undefined, isHidden: false },
      ])
      await presence.hide(customer.id, true)
      await users.erase(customer.id, 'gone', 3)
      expect(await presence.isHidden(customer.id)).toBe(false)
    })
  })

  describe(`${name}: what was received and is unread`, () => {
    test('[ST37] moves many marks of what was received at once: forward only, never past the end, never behind what was read', async () => {
      await using opened = await open()
      const { storage } = opened
      const { rooms } = storage
      const [first, second] = await Promise.all([roomIn(storage), roomIn(storage)])
      for (const { roomId, customer } of [first, second]) {
        for (const text of ['1', '2', '3', '4']) await say(storage, roomId, customer, text)
      }
      const of = ({ roomId }: { roomId: number }, seq: number) => ({ roomId, role: 'owner' as const, seq })
      const marks = (readSeq: number, deliveredSeq: number, moved: boolean) =>
        expect.objectContaining({ readSeq, deliveredSeq, moved })
      const nowhere = { roomId: 999_999, role: 'owner' as const, seq: 1 }
      expect(await rooms.markDelivered([of(second, 3), nowhere, of(first, 99)])).toEqual([
        marks(0, 3, true),
        null,
        marks(0, 4, true),
      ])
      expect(await rooms.markDelivered([of(first, 2), of(second, 3), of(second, 4), of(second, 4)])).toEqual([
        marks(0, 4, false),
        marks(0, 3, false),
        marks(0, 4, true),
        marks(0, 4, false),
      ])
      expect(await rooms.markDelivered([])).toEqual([])
      // What was read was received; and nothing was read by being received.
      expect(await rooms.summary(first.roomId, first.customer.id)).toMatchObject({
        peerReadSeq: 0,
        peerDeliveredSeq: 4,
      })
      expect(await rooms.summary(first.roomId, first.owner.id)).toMatchObject({ unread: 4, readSeq: 0 })
    })

    test('[ST38] has received what was read, also where the marks come in one batch with the messages', async () => {
      await using opened = await open()
      const { storage } = opened
      const { roomId, owner, customer } = await roomIn(storage)
      for (const text of ['1', '2', '3']) await say(storage, roomId, customer, text)
      expect(await storage.rooms.markRead(roomId, 'owner', 2)).toMatchObject({
        readSeq: 2,
        deliveredSeq: 2,
        moved: true,
      })
      const at = (seq: number) => storage.rooms.markDelivered([{ roomId, role: 'owner', seq }])
      expect(await at(2)).toMatchObject([{ readSeq: 2, deliveredSeq: 2, moved: false }])
      expect(await at(3)).toMatchObject([{ readSeq: 2, deliveredSeq: 3, moved: true }])
      const [, delivered, read] = await Promise.all([
        say(storage, roomId, customer, '4'),
        at(4),
        storage.rooms.markRead(roomId, 'owner', 3),
      ])
      expect(delivered).toMatchObject([{ deliveredSeq: 4, moved: true }])
      expect(read).toMatchObject({ readSeq: 3, deliveredSeq: 4, unread: 1 })
      // One's own message is read and received by that.
      await say(storage, roomId, owner, '5')
      expect(await at(5)).toMatchObject([{ readSeq: 5, deliveredSeq: 5, moved: false }])
      const again = await opened.reopen()
      expect(await again.rooms.summary(roomId, customer.id)).toMatchObject({ peerReadSeq: 5, peerDeliveredSeq: 5 })
    })

    test('[ST39] tells what is unread in each room where anything is, from either side; together it is the total', async () => {
      await using opened = await open()
      const { storage } = opened
      const { roomId, owner, customer } = await roomIn(storage)
      const thing = { priceMinor: null, currency: null, imageUrl: null, url: null, title: 'Tent', at: 1 }
      const roomOf = async (of: Peer, by: Peer) => {
        const productId = Bun.randomUUIDv7()
        await storage.products.create({ ...thing, id: productId, ownerId: of.id })
        return (await storage.rooms.open({ ownerId: of.id, customerId: by.id, productId, at: 1 })).roomId
      }
      const [turned, silent] = [await roomOf(customer, owner), await roomOf(owner, customer)]
      for (const [room, count] of [
        [roomId, 3],
        [turned, 2],
      ] as const) {
        for (let n = 0; n < count; n++) await say(storage, room, customer)
      }
      const notice = { sender: null, text: 'The deal is closed.', clientId: null, at: 5 }
      await storage.messages.append({ roomId: silent, ...notice })
      expect(await storage.rooms.unreadOf(owner.id)).toEqual(
        new Map([
          [roomId, 3],
          [turned, 2],
        ]),
      )
      expect(await storage.rooms.unreadOf(customer.id)).toEqual(new Map())
      expect(await storage.rooms.unreadOf('nobody')).toEqual(new Map())
      expect(await storage.rooms.totalUnread(owner.id)).toBe(5)
      await storage.rooms.markRead(roomId, 'owner', 2)
      await say(storage, turned, owner)
      expect(await storage.rooms.unreadOf(owner.id)).toEqual(new Map([[roomId, 1]]))
      expect(await storage.rooms.unreadOf(customer.id)).toEqual(new Map([[turned, 1]]))
    })

    test('[ST40] tells of a room as each of its two sees it who has it in their inbox', async () => {
      await using opened = await open()
      const { storage } = opened
      const { roomId, owner, customer } = await roomIn(storage)
      const seenBy = async () => (await storage.rooms.summaries(roomId)).map(({ userId }) => userId).sort()
      expect(await seenBy()).toEqual([customer.id])
      await storage.messages.append({ roomId, sender: null, text: 'Welcome.', clientId: null, at: 5 })
      expect(await seenBy()).toEqual([customer.id])
      await say(storage, roomId, customer)
      expect(await seenBy()).toEqual([customer.id, owner.id].sort())
      for (const { userId, summary } of await storage.rooms.summaries(roomId)) {
        expect(summary).toEqual((await storage.rooms.summary(roomId, userId)) ?? summary)
        expect(summary).toMatchObject({ role: userId === owner.id ? 'owner' : 'customer', lastSeq: 2 })
      }
      expect(await storage.rooms.summaries(999_999)).toEqual([])
    })

    test('[ST41] tells where each of many rooms ends, and nothing of those that there are not', async () => {
      await using opened = await open()
      const { storage } = opened
      const [first, second, empty] = await Promise.all([roomIn(storage), roomIn(storage), roomIn(storage)])
      for (const { roomId, owner } of [first, first, second]) await say(storage, roomId, owner)
      const ids = [second.roomId, 999_999, empty.roomId, first.roomId, first.roomId]
      expect(await storage.messages.lastSeqs(ids)).toEqual(
        new Map([
          [first.roomId, 2],
          [second.roomId, 1],
          [empty.roomId, 0],
        ]),
      )
      expect(await storage.messages.lastSeqs([])).toEqual(new Map())
      const many = Array.from({ length: 5000 }, (_, at) => at + 1_000_000)
      expect(await storage.messages.lastSeqs([...many, first.roomId])).toEqual(new Map([[first.roomId, 2]]))
    })
  })
}

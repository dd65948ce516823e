import { describe, expect, test } from 'bun:test'
import { accountIn, failure, roomIn, type TestStorage } from '../support/storage.ts'

/** Whatever some database takes for more than a text. */
const TEXTS = [
  `it's "quoted" \\ and \\\\ and \\" too`,
  '{a,b}',
  '{}',
  'NULL',
  'null',
  ' ',
  '$1 %s ? :id',
  '\\n\\u0041\\x41',
  'two\nlines\tand a tab',
  '안녕, 토요일에 볼까요? 👩‍👩‍👧‍👦 🚲',
  "'; DROP TABLE messages; --",
]

/** The rules that every storage keeps about what a text may be: a part of the storage contract. */
export function textContract(name: string, open: () => Promise<TestStorage>) {
  describe(`${name}: texts and numbers`, () => {
    test('[ST42] stores any text as it is, and tells any client id from any other', async () => {
      await using opened = await open()
      const { storage } = opened
      const { owner, customer, roomId } = await roomIn(storage)
      const sender = { id: customer.id, username: customer.username }
      const draft = (text: string) => ({ roomId, sender, text, clientId: text, at: 5 })
      const sent = await Promise.all(TEXTS.map((text) => storage.messages.append(draft(text))))
      expect(sent.map(({ created }) => created)).toEqual(TEXTS.map(() => true))
      const kept = await storage.messages.span(roomId, { after: 0, limit: 100 })
      expect(kept.map(({ text, clientId }) => [text, clientId])).toEqual(TEXTS.map((text) => [text, text]))
      const again = await Promise.all(TEXTS.map((text) => storage.messages.append({ ...draft(text), at: 9 })))
      expect(again).toEqual(sent.map(({ message }) => ({ message, created: false })))
      expect((await storage.rooms.summary(roomId, owner.id))?.lastMessage?.text).toBe(TEXTS.at(-1) ?? '')
      for (const username of TEXTS) {
        await storage.users.change(owner.id, { username }, 1)
        expect(await storage.users.find(owner.id)).toMatchObject({ username })
      }
    })

    test('[ST43] finds nothing by what nothing can be called, and fails by none of it', async () => {
      await using opened = await open()
      const { users, products, rooms, sessions, keys, accounts } = opened.storage
      const { key, owner } = await roomIn(opened.storage)
      for (const odd of ['a\0b', '\0', '', "'", '\\']) {
        expect(await users.find(odd)).toBeUndefined()
        expect(await products.find(odd)).toBeUndefined()
        expect(await sessions.find(odd)).toBeUndefined()
        expect(await keys.find(odd)).toBeUndefined()
        expect(await accounts.findByEmail(odd)).toBeUndefined()
        expect(await rooms.find({ ...key, productId: odd })).toBeUndefined()
        expect(await rooms.summary(1, odd)).toBeUndefined()
        expect(await sessions.spendTicket(odd)).toBeUndefined()
        expect(await products.archive(odd, owner.id, 1)).toBe(false)
        const filter = { q: `x${odd}`, ownerId: undefined, before: undefined, limit: 5 }
        expect(await products.list(filter)).toEqual([])
      }
    })

    test('[ST44] finds titles without regard to case, and each sign by itself', async () => {
      await using opened = await open()
      const { products } = opened.storage
      const { id: ownerId } = await accountIn(opened.storage, 'minji')
      const titles = ['100% Wool', '100 Wool', 'snake_case', 'snakeXcase', 'back\\slash', 'Backpack', 'ÄPFEL', 'äpfel']
      for (const [at, title] of titles.entries()) {
        const links = { imageUrl: null, url: null, priceMinor: null, currency: null }
        await products.create({ ...links, id: `p${at}`, ownerId, title, at: 1 })
      }
      const found = async (q: string) => {
        const page = await products.list({ q, ownerId: undefined, before: undefined, limit: 10 })
        return page.map(({ product }) => product.title).toReversed()
      }
      expect(await found('wOOL')).toEqual(['100% Wool', '100 Wool'])
      expect(await found('0% w')).toEqual(['100% Wool'])
      expect(await found('E_C')).toEqual(['snake_case'])
      expect(await found('K\\S')).toEqual(['back\\slash'])
      expect(await found('BACK')).toEqual(['back\\slash', 'Backpack'])
      // Only ASCII letters are alike in both cases.
      expect(await found('äp')).toEqual(['äpfel'])
      expect(await found('%')).toEqual(['100% Wool'])
    })

    test('[ST45] takes any whole number for a seq: past the end is past the end', async () => {
      await using opened = await open()
      const { messages, rooms } = opened.storage
      const { owner, customer, roomId } = await roomIn(opened.storage)
      const sender = { id: customer.id, username: customer.username }
      for (const text of ['1', '2']) await messages.append({ roomId, sender, text, clientId: null, at: 5 })
      for (const far of [Number.MAX_SAFE_INTEGER, 2 ** 63, 1e300]) {
        expect(await messages.span(roomId, { after: far, limit: 5 })).toEqual([])
        expect(await messages.span(roomId, { before: far, limit: 5 })).toHaveLength(2)
        expect(await rooms.markDelivered([{ roomId, role: 'owner', seq: far }])).toMatchObject([{ deliveredSeq: 2 }])
      }
      expect(await rooms.markRead(roomId, 'owner', 1e300)).toMatchObject({ readSeq: 2, unread: 0, moved: true })
      expect(await rooms.summary(Number.MAX_SAFE_INTEGER, owner.id)).toBeUndefined()
      const nowhere = { roomId: Number.MAX_SAFE_INTEGER, sender, text: 'hi', clientId: null, at: 5 }
      expect(await failure(messages.append(nowhere))).toMatchObject({ code: 'not_found' })
    })
  })
}

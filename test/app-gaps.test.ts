import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { AppSocket, seqs, settle, typeOf } from './support/app-socket.ts'
import { failing, startFaulty } from './support/faulty-server.ts'
import type { Person } from './support/person.ts'

// What was stored and not told: the server looks for it, and its sockets go on without a gap.

let server: Awaited<ReturnType<typeof startFaulty>>
beforeAll(async () => {
  server = await startFaulty()
})
afterAll(() => server[Symbol.asyncDispose]())
afterEach(() => server.fail())

describe('[LV67] entries that the server was not told of', () => {
  /** As another process does it: stored, and told to nobody here. */
  async function append(roomId: number, { id }: Person, texts: string[]) {
    const sender = { id, username: 'Joon' }
    const drafts = texts.map((text) => ({ roomId, sender, text, clientId: null, at: 1 }))
    await Promise.all(drafts.map((draft) => server.storage.messages.append(draft)))
  }

  /** Every live room is looked at: a round begins anew where the last one ended. */
  async function checkAll() {
    for (const _ of [1, 2]) await server.services.hub.check(1)
    await settle()
  }

  async function listeners() {
    const room = await server.pair()
    const app = await AppSocket.open(server, room.owner)
    const { subscribe } = await app.subscribe(room.roomId)
    const plain = await room.customer.connect(room.roomId)
    plain.send({ message: 'all are here' })
    await plain.next()
    await app.entries(1)
    const close = () => {
      app.close()
      plain.close()
    }
    return { ...room, app, plain, epoch: subscribe?.epoch, [Symbol.dispose]: close }
  }

  test('come after a check, in order and once, on both sockets', async () => {
    using room = await listeners()
    const { customer, roomId, app, plain } = room
    await append(roomId, customer, ['two', 'three', 'four'])
    expect(await app.rest()).not.toContainEqual(expect.objectContaining({ channel: `room:${roomId}` }))
    await checkAll()
    await checkAll()
    expect(await app.entries(3)).toEqual([2, 3, 4])
    expect((await plain.take(3)).map(({ seq }) => seq)).toEqual([2, 3, 4])
    await customer.send(roomId, 'five')
    expect(await app.entries(1)).toEqual([5])
    expect((await plain.next()).seq).toBe(5)
  })

  test('[LV70] are in the inbox as well', async () => {
    using room = await listeners()
    const { owner, customer, roomId, app } = room
    await app.nextOf('room.changed')
    await append(roomId, customer, ['two', 'three'])
    await checkAll()
    expect((await app.nextOf('room.changed')).pub?.data).toMatchObject({ room: { lastSeq: 3 }, totalUnread: 3 })
    expect((await owner.inbox()).items[0]?.unread).toBe(3)
  })

  test('come with the next message, without a check', async () => {
    using room = await listeners()
    const { customer, roomId, app, plain } = room
    await append(roomId, customer, ['two', 'three'])
    await customer.send(roomId, 'four')
    expect(await app.entries(3)).toEqual([2, 3, 4])
    expect((await plain.take(3)).map(({ seq }) => seq)).toEqual([2, 3, 4])
  })

  test('come between those that it was told of, while it checks all the time', async () => {
    using room = await listeners()
    const { owner, customer, roomId, app, plain } = room
    let isOver = false
    const checking = (async () => {
      while (!isOver) await checkAll()
    })()
    const others = (async () => {
      for (const n of seqs(1, 60)) await append(roomId, customer, [`other ${n}`])
    })()
    await Promise.all(seqs(1, 120).map((n) => owner.send(roomId, `own ${n}`)))
    await others
    expect(await app.entries(180)).toEqual(seqs(2, 181))
    expect((await plain.take(180)).map(({ seq }) => seq)).toEqual(seqs(2, 181))
    isOver = true
    await checking
    expect((await app.rest()).filter((push) => typeOf(push) === 'unsubscribe')).toEqual([])
  })

  test('are a thousand: they come', async () => {
    using room = await listeners()
    const { customer, roomId, app } = room
    await append(roomId, customer, seqs(2, 1001).map(String))
    await checkAll()
    expect(await app.entries(1000)).toEqual(seqs(2, 1001))
  })

  test('are more than a thousand: app sockets are told to subscribe again, plain ones to come again', async () => {
    using room = await listeners()
    const { owner, customer, roomId, app, plain, epoch } = room
    await append(roomId, customer, seqs(2, 1002).map(String))
    await checkAll()
    expect(await app.nextOf('unsubscribe')).toEqual({
      channel: `room:${roomId}`,
      unsubscribe: { code: 2500, reason: 'insufficient state' },
    })
    expect((await plain.closed).code).toBe(1012)
    // Nobody listens any more, and the connection goes on.
    expect((await app.ask('presence_stats', { channel: `room:${roomId}` })).presence_stats?.num_clients).toBe(0)
    await owner.send(roomId, 'new')
    expect((await app.rest()).map(typeOf)).not.toContain('message.created')
    const recover = { recover: true, epoch }
    expect((await app.subscribe(roomId, { ...recover, offset: 1 })).subscribe).toMatchObject({
      recovered: false,
      offset: 1003,
    })
    await app.ask('unsubscribe', { channel: `room:${roomId}` })
    const { subscribe } = await app.subscribe(roomId, { ...recover, offset: 1000 })
    expect(subscribe?.publications?.map(({ offset }) => offset)).toEqual([1001, 1002, 1003])
    await owner.send(roomId, 'newer')
    expect(await app.entries(1)).toEqual([1004])
  })

  test('who is told to subscribe again and does so within fifteen seconds was never away', async () => {
    using room = await listeners()
    const { customer, roomId, app } = room
    await app.ask('unsubscribe', { channel: `room:${roomId}` })
    await app.subscribe(roomId, { join_leave: true })
    using his = await AppSocket.open(server, customer)
    await his.subscribe(roomId)
    await app.nextOf('join')
    await append(roomId, customer, seqs(2, 1002).map(String))
    await checkAll()
    for (const socket of [app, his]) {
      await socket.nextOf('unsubscribe')
      await socket.subscribe(roomId, { join_leave: true })
    }
    expect((await app.rest()).map(typeOf)).not.toContainAnyValues(['join', 'leave'])
    expect((await his.rest()).map(typeOf)).not.toContainAnyValues(['join', 'leave'])
  })

  test('are fewer than were published: the storage is an earlier one, and everybody begins again', async () => {
    using room = await listeners()
    const { customer, roomId, app, plain, epoch } = room
    await customer.send(roomId, 'two')
    await app.entries(1)
    server.fail({ lastSeq: async () => 1, lastSeqs: async () => new Map([[roomId, 1]]) })
    await checkAll()
    await app.nextOf('unsubscribe')
    expect((await plain.closed).code).toBe(1012)
    const { subscribe } = await app.subscribe(roomId, { recover: true, epoch, offset: 2 })
    expect(subscribe).toMatchObject({ recovered: false, offset: 1 })
  })

  test('and which cannot be read are logged, and come with the next check', async () => {
    using room = await listeners()
    const { customer, roomId, app } = room
    await append(roomId, customer, ['two', 'three'])
    server.logged('')
    server.fail({ span: failing(new Error('no')) })
    await checkAll()
    server.fail({ lastSeqs: failing(new Error('no')) })
    await checkAll()
    server.fail()
    expect(server.logged('repair_failed').length).toBeGreaterThanOrEqual(2)
    await checkAll()
    expect(await app.entries(2)).toEqual([2, 3])
  })

  test('are none, when a message comes while the check still waits for its answer', async () => {
    using room = await listeners()
    const { customer, roomId, app, plain } = room
    const slow = Promise.withResolvers<void>()
    server.fail({
      lastSeqs: async (real) => {
        const head = await real()
        await slow.promise
        return head
      },
    })
    const checked = checkAll()
    await customer.send(roomId, 'two')
    await app.entries(1)
    slow.resolve()
    await checked
    await customer.send(roomId, 'three')
    const pushes = (await app.rest()).filter(({ channel }) => channel === `room:${roomId}`)
    expect(pushes.map(({ pub, unsubscribe }) => pub?.offset ?? unsubscribe)).toEqual([3])
    expect((await plain.take(2)).map(({ seq }) => seq)).toEqual([2, 3])
  })
})

import { expect, test } from 'bun:test'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { AppSocket, refused } from '../support/app-socket.ts'
import { isRoot, smallDisk } from '../support/disk.ts'
import { PROGRAM, startParley } from '../support/server.ts'

// Only root may mount the file systems that are filled here, and made read-only.

test.skipIf(!isRoot)(
  'a disk without room stores nothing and says so, and goes on when there is room again',
  async () => {
    using disk = smallDisk('2m')
    await using server = await startParley({ dataDir: disk.dataDir })
    const { owner, customer, roomId } = await server.pair()
    using minji = await owner.connect(roomId)
    using joon = await customer.connect(roomId)
    using app = await AppSocket.open(server, customer)
    joon.send({ message: 'before' })
    await joon.next()

    const filler = join(disk.dataDir, 'filler')
    Bun.spawnSync(['dd', 'if=/dev/zero', `of=${filler}`, 'bs=4k'])
    const refusal = await untilRefused(() => customer.post(`/api/rooms/${roomId}/messages`, { text: 'while full' }))
    expect(refusal).toMatchObject({ status: 503 })
    expect(refusal.headers.get('retry-after')).toMatch(/^\d+$/)
    expect(await (await fetch(`${server.url}/readyz`)).text()).toBe('disk_full\n')
    const heard = (await owner.history(roomId)).length
    minji.send({ message: 'while full', client_id: 'm-1' })
    await minji.reached(heard + 1)
    expect(minji.received.at(-1)).toMatchObject({ code: 'unavailable', client_id: 'm-1' })
    expect(await app.rpc('message.send', { roomId, text: 'while full' })).toEqual(refused(2, 100, 'unavailable', true))

    rmSync(filler)
    // Nobody writes, and nobody asks.
    await server.log.event('storage_recovered')
    minji.send({ message: 'after', client_id: 'm-1' })
    await minji.reached(heard + 2)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
    await server.stop('SIGKILL')

    await using again = await startParley({ dataDir: disk.dataDir })
    const stored = await owner.at(again).history(roomId)
    expect(stored.map(({ seq }) => seq)).toEqual(stored.map((_, at) => at + 1))
    const acknowledged = minji.received.flatMap(({ message }) => message ?? [])
    expect(stored.map(({ text }) => text)).toEqual(acknowledged)
    expect(acknowledged.at(-1)).toBe('after')
  },
)

// Root may write whatever a mode forbids, so the file system itself has to refuse.
test.skipIf(!isRoot)('data that may only be read is refused with 78 and one line, and left as it is', async () => {
  using disk = smallDisk('20m')
  await using server = await startParley({ dataDir: disk.dataDir })
  await server.person('Minji')
  await server.stop('SIGTERM')
  const file = join(disk.dataDir, 'parley.db')
  const before = readFileSync(file)
  disk.makeReadOnly()

  const refusal = Bun.spawn([...PROGRAM, 'serve', '--port', '0', '--data-dir', disk.dataDir], {
    env: { PATH: process.env.PATH ?? '' },
    stdout: 'ignore',
    stderr: 'pipe',
  })
  expect(await refusal.stderr.text()).toMatch(/^parley: [^\n]+\n$/)
  expect(await refusal.exited).toBe(78)
  expect(readFileSync(file).equals(before)).toBe(true)
})

/** SQLite may still have room in its own files for a few messages. */
async function untilRefused(send: () => Promise<Response>): Promise<Response> {
  while (true) {
    const response = await send()
    if (response.status !== 201) return response
  }
}

import { Database } from 'bun:sqlite'
import { expect, test } from 'bun:test'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppSocket } from './support/app-socket.ts'
import { startParley } from './support/server.ts'

test('[LV66] a backup that was restored as the docs have it is another epoch: nobody goes on from a place that is gone', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'parley-restore-'))
  const file = join(dataDir, 'parley.db')
  const backup = join(dataDir, 'backup.db')
  try {
    const before = await startParley({ dataDir })
    const { owner, customer, roomId } = await before.pair()
    await owner.send(roomId, 'kept')
    sql(file, `VACUUM INTO '${backup}'`)
    for (const text of ['gone', 'gone too']) await owner.send(roomId, text)
    const place = await placeIn(before, customer, roomId, {})
    expect(await before.stop('SIGTERM')).toBe(0)

    copyFileSync(backup, file)
    for (const part of ['-wal', '-shm']) rmSync(file + part, { force: true })
    sql(file, "DELETE FROM meta WHERE key = 'epoch'")
    await using after = await startParley({ dataDir })
    for (const text of ['2', '3', '4']) await owner.at(after).send(roomId, text)
    const { epoch, offset } = place
    expect(await placeIn(after, customer, roomId, { recover: true, epoch, offset })).toMatchObject({
      epoch: expect.not.stringMatching(epoch),
      recovered: false,
      offset: 4,
    })
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})

/** As `sqlite3` on the command line. */
function sql(file: string, statement: string) {
  using database = new Database(file)
  database.run(statement)
}

type Door = Parameters<typeof AppSocket.open>[0]

/** What somebody is answered who subscribes to the room. */
async function placeIn(door: Door, person: { token: string }, roomId: number, wish: object) {
  using app = await AppSocket.open(door, person)
  const { subscribe } = await app.subscribe(roomId, wish)
  if (!subscribe) throw new Error('no place')
  return subscribe
}

import type { Database } from 'bun:sqlite'
import { type Db, mergeLog, openDatabase } from '../database.ts'
import { Batches } from './batch.ts'
import { commandsFor, runnerOf } from './commands.ts'
import { beginRun, endRun } from './meta.ts'
import { RoomsInHand } from './rooms-in-hand.ts'
import type { Item, Opening } from './wire.ts'

declare const self: Worker

function open({ path, durability, isGuest = false }: Opening) {
  const { sqlite, db } = openDatabase(path, 'writer', durability)
  if (!isGuest) beginRun(db, durability)
  // A relaxed run does not flush its commits, and this one has to outlast a power cut.
  if (durability === 'relaxed') mergeLog(sqlite)
  const rooms = new RoomsInHand(sqlite)
  const commands = commandsFor(sqlite, db, rooms)
  const batches = new Batches({
    sqlite,
    rooms,
    run: runnerOf(commands),
  })
  return { batches, close: () => (isGuest ? sqlite.close() : close(sqlite, db)) }
}

function close(sqlite: Database, db: Db) {
  try {
    endRun(db)
    mergeLog(sqlite)
  } catch {
    // A disk that is full or fails: the log has everything that was acknowledged, and the next start merges it.
  }
  sqlite.close()
}

self.onmessage = ({ data }: MessageEvent<string>) => {
  const { batches, close } = open(JSON.parse(data))
  self.onmessage = (message: MessageEvent<string>) => {
    if (message.data === 'close') {
      close()
      self.postMessage('closed')
      return
    }
    const items: Item[] = JSON.parse(message.data)
    self.postMessage(JSON.stringify(batches.commit(items)))
  }
  self.postMessage('ready')
}

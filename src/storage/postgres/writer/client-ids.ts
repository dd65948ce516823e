import { BoundedMap } from '../../../lib/bounded-map.ts'
import { CLIENT_ID_WINDOW } from './appends.ts'

/** What is known of a room's newest entries. */
interface Room {
  /** Up to this seq each of them was seen; 0 for none. */
  top: number
  /** A hash of the client id of each that has one, at `seq % 64`. What an old one left there does no harm. */
  recent: Uint32Array
}

/** An entry with a client id that was not seen before. */
export type SeenEntry = [roomId: number, seq: number, clientId: string]

type Sent = { roomId: number; clientId: string | null }

/**
 * Remembers the client ids of the newest entries of rooms, so that the server looks only among those that others have
 * written since. It never says that an id repeats: where one may, the server looks among all. So what was forgotten,
 * erased, or has the same hash, costs a look and no mistake.
 */
export class ClientIds {
  readonly #rooms = new BoundedMap<number, Room>(16_384)

  /** For one flight, of which nothing is learned where it fails. */
  ask(sent: readonly Sent[]) {
    const rooms = new Map<number, Room>()
    for (const { roomId } of sent) rooms.set(roomId, this.#rooms.get(roomId) ?? newRoom())
    return {
      /** For each, the seq up to which no entry has its client id. */
      since: sent.map(({ roomId, clientId }) => {
        const room = rooms.get(roomId)
        if (!room) return 0
        return clientId !== null && room.recent.includes(hashOf(clientId)) ? 0 : room.top
      }),
      /** `seen` has all entries after these seqs that were there before, `stored` all that are new. */
      learn: (seen: readonly SeenEntry[], stored: readonly (Sent & { seq: number })[]) => {
        for (const [roomId, seq, clientId] of seen) note(rooms.get(roomId), seq, clientId)
        for (const { roomId, seq, clientId } of stored) {
          const room = rooms.get(roomId)
          if (clientId !== null) note(room, seq, clientId)
          if (room) room.top = Math.max(room.top, seq)
        }
        for (const [roomId, room] of rooms) if (room.top > 0) this.#rooms.set(roomId, room)
      },
    }
  }
}

const newRoom = (): Room => ({ top: 0, recent: new Uint32Array(CLIENT_ID_WINDOW) })

function note(room: Room | undefined, seq: number, clientId: string): void {
  if (room) room.recent[seq % CLIENT_ID_WINDOW] = hashOf(clientId)
}

/** Never 0: that marks an entry without a client id. */
const hashOf = (clientId: string) => Bun.hash.xxHash32(clientId) || 1

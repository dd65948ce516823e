/** A message, as far as it has to be the same wherever it is seen. */
export interface Entry {
  seq: number
  text: string
  clientId: string
}

/** What a run leaves behind of one room. */
export interface RoomRecord {
  roomId: number
  /** Everything that was sent, by its client id. */
  sent: Map<string, string>
  /** What the server said that it has stored. */
  acknowledged: Entry[]
  history: Entry[]
  /** What each device saw of it, in the order in which it came. */
  seen: Map<string, Entry[]>
}

/** What contradicts the guarantees; nothing where they hold. */
export function violationsIn(room: RoomRecord): string[] {
  const where = `room ${room.roomId}`
  return [...numbers(room), ...clientIds(room), ...acknowledgements(room), ...sights(room)].map(
    (violation) => `${where}: ${violation}`,
  )
}

const numbers = ({ history }: RoomRecord): string[] =>
  history.flatMap(({ seq }, at) => (seq === at + 1 ? [] : [`entry ${at + 1} of the history has seq ${seq}`]))

function clientIds({ history, sent }: RoomRecord): string[] {
  const counts = new Map<string, number>()
  for (const { clientId } of history) counts.set(clientId, (counts.get(clientId) ?? 0) + 1)
  const doubles = [...counts].filter(([, count]) => count > 1).map(([id, count]) => `${id} is stored ${count} times`)
  const strange = history.filter(({ clientId, text }) => sent.get(clientId) !== text)
  return [...doubles, ...strange.map(({ seq }) => `nobody has sent ${seq}`)]
}

const acknowledgements = ({ history, acknowledged }: RoomRecord): string[] =>
  acknowledged
    .filter((entry) => !isSame(history[entry.seq - 1], entry))
    .map(({ seq, clientId }) => `${clientId} was acknowledged as ${seq}, and is not there`)

function sights({ history, seen }: RoomRecord): string[] {
  const wrong: string[] = []
  for (const [device, entries] of seen) {
    const at = entries.findIndex((entry, place) => !isSame(history[place], entry))
    if (at >= 0) wrong.push(`${device} saw ${describe(entries[at])} where the history has ${describe(history[at])}`)
    else if (entries.length < history.length) {
      wrong.push(`${device} saw ${entries.length} of ${history.length} entries`)
    }
  }
  return wrong
}

const isSame = (one: Entry | undefined, other: Entry): boolean =>
  one !== undefined && one.seq === other.seq && one.text === other.text && one.clientId === other.clientId

const describe = (entry: Entry | undefined) => (entry ? `${entry.seq} (${entry.text})` : 'nothing')

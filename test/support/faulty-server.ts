import type { Storage } from '../../src/storage/storage.ts'
import { serveOn } from './in-process.ts'
import { BY_SECRET } from './marketplace.ts'
import { Person } from './person.ts'
import { signUp } from './server.ts'

/** What is done instead of a method of the storage; `real` does what it does. */
export type Fault = (real: () => Promise<unknown>) => Promise<unknown>

export const failing =
  (error: Error): Fault =>
  () =>
    Promise.reject(error)

/** A server in this process, on a storage that fails when it is told to. Once in a process, as `serveOn`. */
export async function startFaulty() {
  /** By the name of the method. */
  const faults: Record<string, Fault> = {}
  /** A store whose methods are as they are, but for the faults. */
  const faulty = <S extends object>(store: S): S => {
    const methods = Object.entries(store).map(([name, method]) => [
      name,
      (...args: unknown[]) => {
        const real = () => method(...args)
        return faults[name]?.(real) ?? real()
      },
    ])
    // The same methods by the same names, which the compiler cannot follow through entries.
    return Object.fromEntries(methods) as S
  }
  const stored: { storage?: Storage } = {}
  const server = await serveOn(
    (storage) => {
      stored.storage = storage
      const { messages, rooms, presence, sessions, users } = storage
      return {
        messages: faulty(messages),
        rooms: faulty(rooms),
        presence: faulty(presence),
        sessions: faulty(sessions),
        users: faulty(users),
      }
    },
    Date.now,
    { ...BY_SECRET, PARLEY_LIMITS: 'off' },
  )
  const { storage } = stored
  if (!storage) throw new Error('no storage')

  return {
    ...server,
    /** What is really stored. */
    storage,
    /** From now on: none, without any. */
    fail(now: Record<string, Fault> = {}) {
      for (const name of Object.keys(faults)) delete faults[name]
      Object.assign(faults, now)
    },
    /** The lines of this event in the log since the last time. */
    logged(event: string) {
      const lines = server.lines.splice(0).map((line) => JSON.parse(line))
      return lines.filter((line) => line.event === event)
    },
    async pair() {
      const both = await Promise.all([signUp(server.url, 'Minji'), signUp(server.url, 'Joon')])
      const [owner, customer] = both.map((signedUp) => new Person(server, signedUp))
      if (!owner || !customer) throw new Error('nobody signed up')
      const { id: roomId } = await customer.openRoom((await owner.offer('Road bike')).id)
      return { owner, customer, roomId }
    },
  }
}

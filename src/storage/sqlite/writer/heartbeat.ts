import type { Db } from '../database.ts'
import { meta } from '../schema.ts'

export const heartbeatCommands = (db: Db) => ({
  /** One small row, so that a readiness check tries the disk when nobody writes. */
  heartbeat(at: number): null {
    const value = String(at)
    db.insert(meta).values({ key: 'heartbeat', value }).onConflictDoUpdate({ target: meta.key, set: { value } }).run()
    return null
  },
})

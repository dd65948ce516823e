export interface Seen {
  userId: string
  /** Milliseconds since 1970, down to the minute. */
  lastSeenAt: number | undefined
  isHidden: boolean
}

/** One method is one transaction. */
export interface PresenceStore {
  /** Those of these people with whom the asker has a room in which one of them has written. */
  ofPeers(askerId: string, userIds: readonly string[]): Promise<Seen[]>
  /** The mark of a person only moves forward. Times in milliseconds since 1970. */
  note(seen: readonly { userId: string; at: number }[]): Promise<void>
  /** `undefined` for somebody who was never here. */
  find(userId: string): Promise<Omit<Seen, 'userId'> | undefined>
  isHidden(userId: string): Promise<boolean>
  /** `false` where that is how it was. */
  hide(userId: string, isHidden: boolean): Promise<boolean>
}

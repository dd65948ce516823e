/** Everyone in the room who speaks the wire form of apps. */
export const appTopic = (roomId: number): string => `room:${roomId}`

/** Everyone in the room who speaks the plain wire form. */
export const plainTopic = (roomId: number): string => `room:${roomId}:plain`

/** A person, on every device that has an app socket. */
export const userTopic = (userId: string): string => `user:${userId}`

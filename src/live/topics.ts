/** Everyone in the room who speaks the plain wire form. */
export const plainTopic = (roomId: number): string => `room:${roomId}:plain`

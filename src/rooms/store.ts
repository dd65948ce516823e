import type { Role, RoomSummary } from './model.ts'

/** The two people of a room. They never change, so whoever reads this may keep it. */
export interface Sides {
  ownerId: string
  customerId: string
}

export interface InboxFilter {
  role: Role | undefined
  productId: string | undefined
  unread: boolean
  /** Only rooms after this place in the inbox. */
  after: InboxPlace | undefined
  limit: number
}

/** Where a room stands in an inbox: by the row id of its newest message, then by its own id. */
export interface InboxPlace {
  lastMessageId: number
  roomId: number
}

/** One method is one transaction. Times in milliseconds since 1970. */
export interface RoomStore {
  /** The room of these three, made if there is none. */
  open(room: Sides & { productId: string; at: number }): Promise<OpenedRoom>
  /** The id of the room of these three. */
  find(room: Sides & { productId: string }): Promise<number | undefined>
  sides(roomId: number): Promise<Sides | undefined>
  /** As one of its two people sees it. */
  summary(roomId: number, userId: string): Promise<RoomSummary | undefined>
  /** As each of its two people sees it who has it in their inbox. */
  summaries(roomId: number): Promise<{ userId: string; summary: RoomSummary }[]>
  /** Newest activity first. An owner does not see a room before its first message. */
  inbox(userId: string, filter: InboxFilter): Promise<{ summary: RoomSummary; place: InboxPlace }[]>
  /** Moves the mark forward, never past the end. */
  markRead(roomId: number, role: Role, seq: number): Promise<Marks>
  /** The same for what was received, of several rooms: answered in their order, `null` where there is no such room. */
  markDelivered(receipts: readonly { roomId: number; role: Role; seq: number }[]): Promise<(Marks | null)[]>
  totalUnread(userId: string): Promise<number>
  /** What is unread in each room where anything is. */
  unreadOf(userId: string): Promise<Map<number, number>>
  /** All rooms of a person, empty ones too. */
  idsOf(userId: string): Promise<number[]>
  /**
   * Where the rooms of these people have got to in which something was written after this place, and the new place;
   * without one, only where everything ends now. With several processes what is committed late may have an earlier
   * place: ask from one that is some time old.
   */
  changedSince(userIds: readonly string[], place: number | undefined): Promise<ChangedRooms>
}

export interface ChangedRooms {
  rooms: { roomId: number; lastSeq: number }[]
  place: number
}

export interface OpenedRoom {
  roomId: number
  created: boolean
}

/** What one side of a room has read and received, after a mark was to move. */
export interface Marks {
  readSeq: number
  /** What was read was received. */
  deliveredSeq: number
  unread: number
  /** Whether anything is other than before. */
  moved: boolean
}

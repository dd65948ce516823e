import { sql } from 'drizzle-orm'
import { bigint, index, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core'

// Each text gets COLLATE "C" by hand in its migration, which drizzle-kit can't say: an index must not depend on the
// locale of the machine (docs/decisions/0015).

/** Numbers and times; beyond 2^53 no number of ours comes. */
const int8 = (name: string) => bigint(name, { mode: 'number' })

/** Facts about this database: its epoch and the cluster key. */
export const meta = pgTable('meta', {
  key: text('key').primaryKey(),
  value: text('value').notNull(),
})

export const users = pgTable(
  'users',
  {
    // What the busy tables refer to: a few bytes in each index of a room, where the id would be 36 (docs/decisions/0006).
    number: int8('number').primaryKey().generatedAlwaysAsIdentity(),
    id: text('id').notNull(),
    email: text('email'),
    username: text('username').notNull(),
    passwordHash: text('password_hash'),
    role: text('role', { enum: ['user', 'moderator', 'admin'] })
      .notNull()
      .default('user'),
    createdAt: int8('created_at').notNull(),
    disabledAt: int8('disabled_at'),
    // Nothing personal is left of them; the id stays, so that a late token of theirs finds nobody.
    erasedAt: int8('erased_at'),
    // How old the name and the e-mail are: a token of the marketplace that was issued before does not bring back old ones.
    profileAt: int8('profile_at').notNull().default(0),
    // Tokens of the marketplace that were issued before are refused.
    tokensFrom: int8('tokens_from').notNull().default(0),
  },
  // An e-mail is one person's only among password accounts: nobody verified it, so it never links two identities.
  (table) => [
    uniqueIndex('users_id').on(table.id),
    uniqueIndex('users_email').on(table.email).where(sql`password_hash IS NOT NULL`),
    // Few of many: whoever looks for them reads no others.
    index('users_admins').on(table.number).where(sql`role = 'admin'`),
  ],
)

export const sessions = pgTable(
  'sessions',
  {
    tokenHash: text('token_hash').primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    createdAt: int8('created_at').notNull(),
    expiresAt: int8('expires_at').notNull(),
    lastUsedAt: int8('last_used_at').notNull(),
    // A link is for admins, and counts where passwords do not (docs/decisions/0017).
    begunBy: text('begun_by', { enum: ['password', 'link'] })
      .notNull()
      .default('password'),
  },
  (table) => [index('sessions_user').on(table.userId), index('sessions_expiry').on(table.expiresAt)],
)

export const tickets = pgTable(
  'tickets',
  {
    ticketHash: text('ticket_hash').primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    // The session that asked for it: when that ends, so do its tickets and the sockets they opened.
    sessionHash: text('session_hash').references(() => sessions.tokenHash, { onDelete: 'cascade' }),
    // Or, without a session: when the host token that asked for it was first seen, and when that runs out.
    tokenSeenAt: int8('token_seen_at'),
    tokenExpiresAt: int8('token_expires_at'),
    origin: text('origin'),
    expiresAt: int8('expires_at').notNull(),
  },
  (table) => [
    index('tickets_user').on(table.userId),
    index('tickets_session').on(table.sessionHash),
    index('tickets_expiry').on(table.expiresAt),
  ],
)

/** What the marketplace's backend shows of itself. */
export const serverKeys = pgTable(
  'server_keys',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    keyHash: text('key_hash').notNull(),
    // Separated by commas.
    scopes: text('scopes').notNull(),
    createdAt: int8('created_at').notNull(),
    lastUsedAt: int8('last_used_at'),
    revokedAt: int8('revoked_at'),
  },
  // A name is free again when its key was revoked.
  (table) => [
    uniqueIndex('server_keys_hash').on(table.keyHash),
    uniqueIndex('server_keys_name').on(table.name).where(sql`revoked_at IS NULL`),
  ],
)

/** What has ended, for whoever has a socket open on it: read by every node, a moment later. */
export const revocations = pgTable('revocations', {
  number: int8('number').primaryKey().generatedAlwaysAsIdentity(),
  kind: text('kind', { enum: ['session', 'tokens', 'user'] }).notNull(),
  // The hash of a session's token, or a person's id.
  subject: text('subject').notNull(),
  at: int8('at').notNull(),
})

/** What `parley admin link` has printed, until somebody comes with it. */
export const adminLinks = pgTable(
  'admin_links',
  {
    tokenHash: text('token_hash').primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    expiresAt: int8('expires_at').notNull(),
  },
  (table) => [uniqueIndex('admin_links_user').on(table.userId)],
)

/** Who did what to whom. It is only added to. */
export const audit = pgTable('audit', {
  number: int8('number').primaryKey().generatedAlwaysAsIdentity(),
  at: int8('at').notNull(),
  actorKind: text('actor_kind', { enum: ['user', 'key', 'cli'] }).notNull(),
  // Of the person or the key.
  actorId: text('actor_id'),
  action: text('action').notNull(),
  targetKind: text('target_kind', { enum: ['user', 'room', 'product', 'key', 'session'] }).notNull(),
  targetId: text('target_id').notNull(),
  // JSON, an object.
  details: text('details').notNull(),
})

/** When people were last seen; nobody has a row who was never here. */
export const presence = pgTable('presence', {
  userNo: int8('user_no')
    .primaryKey()
    .references(() => users.number, { onDelete: 'cascade' }),
  // Down to the minute.
  lastSeenAt: int8('last_seen_at'),
  hiddenAt: int8('hidden_at'),
})

export const products = pgTable(
  'products',
  {
    // The number orders the list, newest first: no clock does.
    number: int8('number').primaryKey().generatedAlwaysAsIdentity(),
    id: text('id').notNull(),
    ownerId: text('owner_id')
      .notNull()
      .references(() => users.id),
    title: text('title').notNull(),
    priceMinor: int8('price_minor'),
    currency: text('currency'),
    imageUrl: text('image_url'),
    url: text('url'),
    createdAt: int8('created_at').notNull(),
    archivedAt: int8('archived_at'),
  },
  (table) => [uniqueIndex('products_id').on(table.id), index('products_owner').on(table.ownerId, table.number)],
)

/** A room has exactly two sides, so what each side has read lives in its row: a send writes one row here. */
export const rooms = pgTable(
  'rooms',
  {
    id: int8('id').primaryKey().generatedAlwaysAsIdentity(),
    productId: text('product_id')
      .notNull()
      .references(() => products.id),
    ownerNo: int8('owner_no')
      .notNull()
      .references(() => users.number),
    customerNo: int8('customer_no')
      .notNull()
      .references(() => users.number),
    lastSeq: int8('last_seq').notNull().default(0),
    lastCount: int8('last_count').notNull().default(0),
    lastMessageId: int8('last_message_id').notNull().default(0),
    lastMessageSeq: int8('last_message_seq').notNull().default(0),
    minSeq: int8('min_seq').notNull().default(1),
    createdAt: int8('created_at').notNull(),
    ownerReadSeq: int8('owner_read_seq').notNull().default(0),
    ownerReadCount: int8('owner_read_count').notNull().default(0),
    ownerDeliveredSeq: int8('owner_delivered_seq').notNull().default(0),
    ownerMutedUntil: int8('owner_muted_until'),
    ownerArchivedAt: int8('owner_archived_at'),
    customerReadSeq: int8('customer_read_seq').notNull().default(0),
    customerReadCount: int8('customer_read_count').notNull().default(0),
    customerDeliveredSeq: int8('customer_delivered_seq').notNull().default(0),
    customerMutedUntil: int8('customer_muted_until'),
    customerArchivedAt: int8('customer_archived_at'),
  },
  // Each send writes its row anew into each of these: there is none that no query needs.
  (table) => [
    uniqueIndex('rooms_pair').on(table.ownerNo, table.customerNo, table.productId),
    index('rooms_owner_inbox').on(table.ownerNo, table.lastMessageId, table.id),
    index('rooms_customer_inbox').on(table.customerNo, table.lastMessageId, table.id),
  ],
)

/**
 * One key, which begins with the room: the table can be parted by rooms. The id only orders the rooms of an inbox, and
 * nothing looks a message up by it.
 */
export const messages = pgTable(
  'messages',
  {
    id: int8('id').notNull().generatedAlwaysAsIdentity(),
    roomId: int8('room_id').notNull(),
    seq: int8('seq').notNull(),
    countNo: int8('count_no').notNull(),
    senderNo: int8('sender_no'),
    createdAt: int8('created_at').notNull(),
    editedAt: int8('edited_at'),
    deletedAt: int8('deleted_at'),
    kind: text('kind').notNull(),
    text: text('text').notNull(),
    clientId: text('client_id'),
    data: text('data'),
  },
  (table) => [primaryKey({ name: 'messages_room_seq', columns: [table.roomId, table.seq] })],
)

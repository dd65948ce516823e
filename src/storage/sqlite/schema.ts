import { sql } from 'drizzle-orm'
import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'

/** Facts about this database: its epoch and the cluster key. */
export const meta = sqliteTable('meta', {
  key: text('key').primaryKey(),
  value: text('value').notNull(),
})

export const users = sqliteTable(
  'users',
  {
    // What the busy tables refer to: a few bytes in each index of a room, where the id would be 36 (docs/decisions/0006).
    number: integer('number').primaryKey({ autoIncrement: true }),
    id: text('id').notNull(),
    email: text('email'),
    username: text('username').notNull(),
    passwordHash: text('password_hash'),
    role: text('role', { enum: ['user', 'moderator', 'admin'] })
      .notNull()
      .default('user'),
    createdAt: integer('created_at').notNull(),
    disabledAt: integer('disabled_at'),
    // Nothing personal is left of them; the id stays, so that a late token of theirs finds nobody.
    erasedAt: integer('erased_at'),
    // How old the name and the e-mail are: a token of the marketplace that was issued before does not bring back old ones.
    profileAt: integer('profile_at').notNull().default(0),
    // Tokens of the marketplace that were issued before are refused.
    tokensFrom: integer('tokens_from').notNull().default(0),
  },
  // An e-mail is one person's only among password accounts: nobody verified it, so it never links two identities.
  (table) => [
    uniqueIndex('users_id').on(table.id),
    uniqueIndex('users_email').on(table.email).where(sql`password_hash IS NOT NULL`),
    // Few of many: whoever looks for them reads no others.
    index('users_admins').on(table.number).where(sql`role = 'admin'`),
  ],
)

export const sessions = sqliteTable(
  'sessions',
  {
    tokenHash: text('token_hash').primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    lastUsedAt: integer('last_used_at').notNull(),
    // A link is for admins, and counts where passwords do not (docs/decisions/0017).
    begunBy: text('begun_by', { enum: ['password', 'link'] })
      .notNull()
      .default('password'),
  },
  (table) => [index('sessions_user').on(table.userId), index('sessions_expiry').on(table.expiresAt)],
)

export const tickets = sqliteTable(
  'tickets',
  {
    ticketHash: text('ticket_hash').primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    // The session that asked for it: when that ends, so do its tickets and the sockets they opened.
    sessionHash: text('session_hash').references(() => sessions.tokenHash, { onDelete: 'cascade' }),
    // Or, without a session: when the host token that asked for it was first seen, and when that runs out.
    tokenSeenAt: integer('token_seen_at'),
    tokenExpiresAt: integer('token_expires_at'),
    origin: text('origin'),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [
    index('tickets_user').on(table.userId),
    index('tickets_session').on(table.sessionHash),
    index('tickets_expiry').on(table.expiresAt),
  ],
)

/** What the marketplace's backend shows of itself. */
export const serverKeys = sqliteTable(
  'server_keys',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    keyHash: text('key_hash').notNull(),
    // Separated by commas.
    scopes: text('scopes').notNull(),
    createdAt: integer('created_at').notNull(),
    lastUsedAt: integer('last_used_at'),
    revokedAt: integer('revoked_at'),
  },
  // A name is free again when its key was revoked.
  (table) => [
    uniqueIndex('server_keys_hash').on(table.keyHash),
    uniqueIndex('server_keys_name').on(table.name).where(sql`revoked_at IS NULL`),
  ],
)

/** What has ended, for whoever has a socket open on it: read by every node, a moment later. */
export const revocations = sqliteTable('revocations', {
  number: integer('number').primaryKey({ autoIncrement: true }),
  kind: text('kind', { enum: ['session', 'tokens', 'user'] }).notNull(),
  // The hash of a session's token, or a person's id.
  subject: text('subject').notNull(),
  at: integer('at').notNull(),
})

/** What `parley admin link` has printed, until somebody comes with it. */
export const adminLinks = sqliteTable(
  'admin_links',
  {
    tokenHash: text('token_hash').primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [uniqueIndex('admin_links_user').on(table.userId)],
)

/** Who did what to whom. It is only added to. */
export const audit = sqliteTable('audit', {
  number: integer('number').primaryKey({ autoIncrement: true }),
  at: integer('at').notNull(),
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
export const presence = sqliteTable('presence', {
  userNo: integer('user_no')
    .primaryKey()
    .references(() => users.number, { onDelete: 'cascade' }),
  // Down to the minute.
  lastSeenAt: integer('last_seen_at'),
  hiddenAt: integer('hidden_at'),
})

export const products = sqliteTable(
  'products',
  {
    // The row id orders the list, newest first: no clock does.
    number: integer('number').primaryKey({ autoIncrement: true }),
    id: text('id').notNull(),
    ownerId: text('owner_id')
      .notNull()
      .references(() => users.id),
    title: text('title').notNull(),
    priceMinor: integer('price_minor'),
    currency: text('currency'),
    imageUrl: text('image_url'),
    url: text('url'),
    createdAt: integer('created_at').notNull(),
    archivedAt: integer('archived_at'),
  },
  (table) => [
    uniqueIndex('products_id').on(table.id),
    index('products_owner').on(table.ownerId),
    // A search reads every title: here they lie close together, without the rest of their rows.
    index('products_search').on(table.number, table.title).where(sql`archived_at IS NULL`),
  ],
)

/** A room has exactly two sides, so what each side has read lives in its row: a send writes one row here. */
export const rooms = sqliteTable(
  'rooms',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    productId: text('product_id')
      .notNull()
      .references(() => products.id),
    ownerNo: integer('owner_no')
      .notNull()
      .references(() => users.number),
    customerNo: integer('customer_no')
      .notNull()
      .references(() => users.number),
    lastSeq: integer('last_seq').notNull().default(0),
    lastCount: integer('last_count').notNull().default(0),
    lastMessageId: integer('last_message_id').notNull().default(0),
    lastMessageSeq: integer('last_message_seq').notNull().default(0),
    minSeq: integer('min_seq').notNull().default(1),
    createdAt: integer('created_at').notNull(),
    ownerReadSeq: integer('owner_read_seq').notNull().default(0),
    ownerReadCount: integer('owner_read_count').notNull().default(0),
    ownerDeliveredSeq: integer('owner_delivered_seq').notNull().default(0),
    ownerMutedUntil: integer('owner_muted_until'),
    ownerArchivedAt: integer('owner_archived_at'),
    customerReadSeq: integer('customer_read_seq').notNull().default(0),
    customerReadCount: integer('customer_read_count').notNull().default(0),
    customerDeliveredSeq: integer('customer_delivered_seq').notNull().default(0),
    customerMutedUntil: integer('customer_muted_until'),
    customerArchivedAt: integer('customer_archived_at'),
  },
  (table) => [
    uniqueIndex('rooms_pair').on(table.ownerNo, table.customerNo, table.productId),
    index('rooms_product').on(table.productId),
    index('rooms_owner_inbox').on(table.ownerNo, table.lastMessageId),
    index('rooms_customer_inbox').on(table.customerNo, table.lastMessageId),
  ],
)

/** An appended row and one small index: what a commit costs is the pages it dirties. */
export const messages = sqliteTable(
  'messages',
  {
    id: integer('id').primaryKey(),
    roomId: integer('room_id').notNull(),
    seq: integer('seq').notNull(),
    countNo: integer('count_no').notNull(),
    kind: text('kind').notNull(),
    senderNo: integer('sender_no'),
    text: text('text').notNull(),
    clientId: text('client_id'),
    data: text('data'),
    createdAt: integer('created_at').notNull(),
    editedAt: integer('edited_at'),
    deletedAt: integer('deleted_at'),
  },
  (table) => [uniqueIndex('messages_room_seq').on(table.roomId, table.seq)],
)

/** What a server key may be used for. */
export const SCOPES = ['users', 'products', 'rooms', 'messages', 'privacy'] as const
export type Scope = (typeof SCOPES)[number]

/** What each scope opens, for people. */
export const SCOPE_MEANS: Record<Scope, string> = {
  users: 'upsert, disable and disconnect people',
  products: 'upsert, read and archive products',
  rooms: 'open a room for a customer',
  messages: 'post system messages',
  privacy: 'export and erase people',
}

/** The marketplace's backend, as it shows itself. */
export interface ServerKey {
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
}

import type { Caller } from '../auth/model.ts'
import type { UserRole } from '../users/model.ts'

/** All that is written down, wherever it is done. */
export const AUDIT_ACTIONS = [
  'admin.link',
  'admin.sign_in',
  'user.create',
  'user.change',
  'user.disable',
  'user.enable',
  'user.role',
  'user.password',
  'user.sign_out',
  'user.export',
  'user.erase',
  'room.read',
  'product.archive',
  'key.create',
  'key.revoke',
  'session.end',
] as const
export type AuditAction = (typeof AUDIT_ACTIONS)[number]

export const AUDIT_TARGETS = ['user', 'room', 'product', 'key', 'session'] as const
export type AuditTarget = (typeof AUDIT_TARGETS)[number]

/** Who acts: a person as they were when they were let in, a server key, or whoever has the command line. */
export type Actor =
  | { readonly kind: 'user'; readonly id: string; readonly role: UserRole }
  | { readonly kind: 'key'; readonly id: string }
  | { readonly kind: 'cli' }

/** Whoever may run a command on the machine. */
export const OPERATOR: Actor = { kind: 'cli' }

export const actorOf = ({ person, key }: Caller): Actor =>
  key ? { kind: 'key', id: key.id } : { kind: 'user', id: person.user.id, role: person.role }

/** What somebody does, as it will stand in the audit log. Never with a text of a message, a token or a password. */
export interface Deed {
  actor: Actor
  action: AuditAction
  target: { kind: AuditTarget; id: string }
  details?: Record<string, string | number | boolean>
}

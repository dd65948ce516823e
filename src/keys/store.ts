import type { Deed } from '../audit/model.ts'
import type { ServerKey } from './model.ts'

/** Times in milliseconds since 1970. */
export interface StoredKey extends ServerKey {
  createdAt: number
  lastUsedAt: number | undefined
  revokedAt: number | undefined
}

/** One method is one transaction, with the deed that it is, if anything was done. */
export interface KeyStore {
  /** `false`, and nothing made, where a key that is not revoked has the name. */
  create(key: ServerKey & { keyHash: string; createdAt: number }, deed?: Deed): Promise<boolean>
  /** Revoked ones are not found. */
  find(keyHash: string): Promise<StoredKey | undefined>
  /** All, oldest first; revoked ones too. */
  list(): Promise<StoredKey[]>
  touch(id: string, at: number): Promise<void>
  /** By id or name; `false` where there is none that is not revoked. */
  revoke(idOrName: string, at: number, deed?: Deed): Promise<boolean>
}

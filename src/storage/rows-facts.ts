const randomHex = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex')

export const newEpoch = () => randomHex(8)

/**
 * The key of a cluster, from the secret of its database and from which one it is: what was copied or restored from that
 * has the same secret, and must not hear what its nodes say.
 */
export const clusterKeyOf = (secret: string, database: string): string =>
  new Bun.CryptoHasher('sha256', Buffer.from(secret, 'hex')).update(database).digest('hex')

/** What `meta` has from the first start on. */
export const newFacts = () => [
  { key: 'epoch', value: newEpoch() },
  { key: 'cluster_key', value: randomHex(32) },
]

const randomHex = (bytes: number) => Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex')

export const newEpoch = () => randomHex(8)

/** What `meta` has from the first start on. */
export const newFacts = () => [
  { key: 'epoch', value: newEpoch() },
  { key: 'cluster_key', value: randomHex(32) },
]

/** So many ports each process takes its own from: what one has looked at, or has just killed, no other beside it takes. */
const BLOCK = 400
const FIRST = 10_000 + (process.pid % 50) * BLOCK
let next = Math.floor(Math.random() * BLOCK)

/**
 * A port that nobody has just now. Below those that the kernel gives to clients: who dials one of those on which nobody
 * listens, because its server is just starting again, may reach itself.
 */
export function freePort(): number {
  while (true) {
    const port = FIRST + (next++ % BLOCK)
    try {
      using _ = Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } })
      return port
    } catch {
      // Taken.
    }
  }
}

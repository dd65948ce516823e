/**
 * A port that nobody has just now. Below those that the kernel gives to clients: who dials one of those on which nobody
 * listens, because its server is just starting again, may reach itself.
 */
export function freePort(): number {
  while (true) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    try {
      using _ = Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } })
      return port
    } catch {
      // Taken.
    }
  }
}

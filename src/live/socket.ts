import type { Log } from '../lib/log.ts'
import type { LiveSession } from './line/line.ts'

/** Of what Bun closes itself it tells 1006, and with which code it told the client only by its words. */
const BUN_CODES: Record<string, number> = { 'Received too big message': 1009, 'Received invalid UTF-8': 1007 }

function codeTold(code: number, reason: string): number {
  if (code !== 1006 || !reason.startsWith('Received ')) return code
  return BUN_CODES[reason] ?? 1002
}

interface Deps {
  log: Log
  onClosed: (code: number) => void
}

/**
 * Bun's own WebSocket handler. Elysia's `.ws()` would parse texts such as "123", swallow errors, make a wrapper for each
 * event, and cost three times the memory (docs/decisions/0002).
 */
export const webSocketHandler = ({ log, onClosed }: Deps): Bun.WebSocketHandler<LiveSession> => ({
  maxPayloadLength: 64 << 10,
  backpressureLimit: 1 << 20,
  // Otherwise Bun drops frames for a slow client in silence, and leaves it connected with a gap.
  closeOnBackpressureLimit: true,
  // Our own pings have a deadline; Bun's are satisfied by what we send ourselves.
  sendPings: false,
  idleTimeout: 0,
  open: (socket) => socket.data.onOpen(socket),
  message: (socket, raw) => socket.data.onMessage(raw),
  drain: (socket) => socket.data.onDrain(),
  pong: (socket) => socket.data.onPong(),
  close(socket, bunCode, reason) {
    const code = codeTold(bunCode, reason)
    onClosed(code)
    log.debug('socket_closed', { code })
    socket.data.onClose()
  },
})

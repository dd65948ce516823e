import { ChatError } from '../../lib/errors.ts'
import type { AppConnection } from './connection.ts'
import { check, fitting, type RequestOf } from './protocol.ts'
import { type DataOf, PROCEDURES, type Procedure, type ResultOf, UNANSWERED } from './protocol-rpc.ts'

type Handlers = { [P in Procedure]: (session: AppConnection, data: DataOf<P>) => Promise<ResultOf<P>> }

const HANDLERS: Handlers = {
  async 'message.send'(session, { roomId, ...draft }) {
    const { message } = await session.deps.messages.send(session.me, roomId, draft)
    session.forgive()
    return message
  },
  'room.read': ({ deps, me }, { roomId, seq }) => deps.rooms.markRead(me.user.id, roomId, seq),
  async 'room.delivered'({ deps, me }, { roomId, seq }) {
    await deps.receipts.delivered(me.user.id, roomId, seq)
    return {}
  },
  async 'room.typing'({ deps, me }, { roomId }) {
    await deps.typing.note(me.user.id, roomId)
    return {}
  },
  async 'rooms.list'(session, { limit = 30, ...query }) {
    const { deps, me } = session
    // Also what was looked through and does not fit the question.
    session.charge(limit)
    const page = await deps.rooms.inbox(me.user.id, { ...query, limit })
    const most = fitting(page.items.map((room) => JSON.stringify(room))).length
    if (most === page.items.length) return page
    return deps.rooms.inbox(me.user.id, { ...query, limit: most })
  },
  async 'presence.status'(session, { userIds }) {
    const { deps, me } = session
    session.charge(userIds.length)
    return { items: await deps.presence.status(me.user.id, userIds) }
  },
}

/** Runs a procedure; answers the JSON of the reply. @throws ChatError */
export async function call(session: AppConnection, { method, data }: RequestOf<'rpc'>): Promise<string> {
  if (!isProcedure(method)) throw new ChatError('bad_request', { reason: 'method_not_found' })
  return `{"data":${JSON.stringify(await run(session, method, data))}}`
}

/** The same without a reply, for what matters for a moment only. */
export async function tell(session: AppConnection, { data: { method, data } }: RequestOf<'send'>): Promise<undefined> {
  const procedure = UNANSWERED.find((each) => each === method)
  if (!procedure) throw new ChatError('bad_request', { reason: 'method_not_found' })
  await run(session, procedure, data)
}

const isProcedure = (method: string): method is Procedure => Object.hasOwn(PROCEDURES, method)

function run<P extends Procedure>(session: AppConnection, procedure: P, data: unknown): Promise<ResultOf<P>> {
  return HANDLERS[procedure](session, check(PROCEDURES[procedure].data, data ?? {}) as DataOf<P>)
}

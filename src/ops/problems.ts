import type { ValueError } from '@sinclair/typebox/errors'
import { Elysia, type ValidationError } from 'elysia'
import { ChatError, type FieldError } from '../lib/errors.ts'
import { fieldErrorOf } from '../lib/http/field-errors.ts'
import { problemOf } from '../lib/http/problem.ts'
import { quotaHeaders } from '../lib/http/quotas.ts'
import { parseJson } from '../lib/json.ts'
import type { Log } from '../lib/log.ts'
import { type Locale, localeFor } from '../lib/texts.ts'

interface Deps {
  log: Log
  locale: Locale
}

export const MAX_BODY_BYTES = 256 << 10

/** The body as JSON, whatever a client sends: one kind of content, one size, one shape of failure. */
export const jsonBodies = () =>
  new Elysia({ name: 'json-bodies' })
    .onRequest(({ request }) => {
      const length = Number(request.headers.get('content-length') ?? 0)
      if (length > MAX_BODY_BYTES) throw new ChatError('too_large')
      const hasBody = length > 0 || request.headers.has('transfer-encoding')
      if (hasBody && !isJson(request)) throw new ChatError('unsupported_type')
    })
    .onParse({ as: 'global' }, async ({ request }) => parse(await readBody(request)))

const isJson = ({ headers }: Request) => /^application\/json\s*(;|$)/i.test(headers.get('content-type') ?? '')

/** A chunked body tells no length beforehand, so it is counted on the way. */
async function readBody(request: Request): Promise<Uint8Array> {
  if (request.headers.has('content-length')) return request.bytes()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_BODY_BYTES) throw new ChatError('too_large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parse(body: Uint8Array): unknown {
  // No body at all: whether one was needed is for the route's schema to say.
  if (body.byteLength === 0) return undefined
  const value = read(body)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  // Elysia takes an empty list, null and the like for no body where a body may stay away.
  if (!isObject) throw new ChatError('invalid', { errors: [{ path: '', fault: 'no_object' }] })
  return value
}

function read(body: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    throw new ChatError('bad_request', { reason: 'bad_json', cause })
  }
}

/** Every failure in one shape (RFC 9457), with the request's id; Elysia's own shapes never reach a client. */
export const problems = ({ log, locale }: Deps) =>
  new Elysia({ name: 'problems' }).onError({ as: 'global' }, ({ code, error, request, set, route }) => {
    const told = tellable(code, error)
    const requestId = String(set.headers['x-request-id'] ?? '')
    // What is not there for the moment is no fault of a request's: the storage tells of its own, once.
    if (told.code === 'internal') {
      // What went wrong, and never Elysia's own error about an answer: that has the whole answer in it, tokens too.
      const cause = told.cause ?? told
      log.error('request_failed', { requestId, method: request.method, route, code: told.code, error: cause })
    }
    const asker = { requestId, locale: localeFor(request.headers.get('accept-language'), locale) }
    set.status = told.status
    return new Response(JSON.stringify(problemOf(told, asker)), { status: told.status, headers: headersOf(told) })
  })

const headersOf = ({ retryAfter, quota }: ChatError): Record<string, string> => ({
  'content-type': 'application/problem+json',
  'cache-control': 'no-store',
  ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  ...(quota ? quotaHeaders(quota) : {}),
})

/** What a client may know of a failure. */
function tellable(code: unknown, error: unknown): ChatError {
  if (error instanceof ChatError) return error
  // Elysia wraps what a body parser throws.
  if (error instanceof Error && error.cause instanceof ChatError) return error.cause
  if (code === 'NOT_FOUND') return new ChatError('not_found')
  if (code === 'PARSE') return new ChatError('bad_request', { cause: error })
  if (code === 'VALIDATION') return invalid(error as ValidationError)
  return new ChatError('internal', { cause: error })
}

const MAX_FIELDS = 20

function invalid(error: ValidationError): ChatError {
  if (error.type === 'params') return new ChatError('not_found', isRoomId(error) ? { reason: 'room_not_found' } : {})
  // Only our own answer can fail its schema here, and that is no fault of the client's.
  if (error.type === 'response') return new ChatError('internal', { cause: new Error('an answer failed its schema') })
  const fields = new Map<string, FieldError>()
  for (const found of error.all) {
    // Elysia adds a summary to what TypeBox found, and for any other kind of schema has another shape.
    if ('path' in found && !fields.has(found.path)) fields.set(found.path, fieldErrorOf(found as ValueError))
  }
  return new ChatError('invalid', { errors: [...fields.values()].slice(0, MAX_FIELDS) })
}

/** `abc` is no room's id, and gets the answer of an id that no room has. */
const isRoomId = ({ all }: ValidationError) => all.some((found) => 'path' in found && found.path === '/roomId')

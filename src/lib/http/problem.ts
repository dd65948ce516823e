import { type Static, Type as t } from '@sinclair/typebox'
import { ChatError, ERROR_CODES, type ErrorCode, type FieldError } from '../errors.ts'
import { detailOf, faultOf, type Locale, titleOf } from '../texts.ts'

/** The one shape of every failure on HTTP: RFC 9457, with a stable `code`. */
export const Problem = t.Object(
  {
    type: t.String({ examples: ['urn:parley:error:not_found'] }),
    title: t.String({ examples: ['Not found'] }),
    status: t.Integer({ examples: [404] }),
    detail: t.String({ examples: ['There is nothing here, or it is not yours to see.'] }),
    code: t.Union(
      ERROR_CODES.map((code) => t.Literal(code)),
      { description: 'Stable: branch on this one.', examples: ['not_found'] },
    ),
    requestId: t.String({
      description: 'The same id stands in the log.',
      examples: ['0193f3a2-7b1c-7000-8000-0000000000d1'],
    }),
    errors: t.Optional(
      t.Array(t.Object({ path: t.String({ examples: ['/title'] }), message: t.String() }), {
        description: 'Each invalid field; values are never repeated.',
      }),
    ),
  },
  { title: 'Problem', additionalProperties: false },
)
export type Problem = Static<typeof Problem>

interface Asker {
  locale: Locale
  requestId: string
}

export function problemOf(error: ChatError, { locale, requestId }: Asker): Problem {
  return {
    type: `urn:parley:error:${error.code}`,
    title: titleOf(error.code, locale),
    status: error.status,
    detail: detailOf(error.reason ?? error.code, locale),
    code: error.code,
    requestId,
    ...(error.errors ? { errors: error.errors.map(told(locale)) } : {}),
  }
}

const told = (locale: Locale) => (field: FieldError) => ({ path: field.path, message: faultOf(field, locale) })

/** The failures that a route may answer, as response schemas by status, each with its codes; 500 is always among them. */
export function failures(...codes: ErrorCode[]): Record<number, typeof Problem> {
  const byStatus = Map.groupBy(new Set([...codes, 'internal' as const]), (code) => new ChatError(code).status)
  return Object.fromEntries([...byStatus].map(([status, own]) => [status, { ...Problem, codes: own }]))
}

/** What may be wrong with any body. */
export const BODY_FAULTS = ['bad_request', 'too_large', 'unsupported_type', 'invalid'] as const

/** What may be wrong with who is asking; or they cannot be looked up for now. */
export const CALLER_FAULTS = ['unauthenticated', 'forbidden', 'unavailable'] as const

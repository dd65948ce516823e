import { type IntegerOptions, Type as t } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { ChatError } from '../errors.ts'
import { fieldErrorOf } from './field-errors.ts'

/** What the API document says of a route that anybody may call. */
export const open = (summary: string, description = summary) => ({ summary, description })

/** What it says of a route for people who are signed in, in either way. */
export const signedIn = (summary: string, description = summary) => ({
  summary,
  description,
  security: [{ bearer: [] }, { cookie: [] }],
})

/** What it says of a route of the console. */
export const forAdmins = (summary: string, description = summary) => signedIn(summary, `${description} For admins.`)

/** What it says of a route for people who are signed in and for the marketplace's backend. */
export const signedInOrKey = (scope: string, summary: string, description = summary) => ({
  summary,
  description: `${description} Also for a server key with the scope \`${scope}\`.`,
  security: [{ bearer: [] }, { cookie: [] }, { serverKey: [] }],
})

/** What it says of a route for the marketplace's backend alone. */
export const forKeys = (scope: string, summary: string, description = summary) => ({
  summary,
  description: `${description} For a server key with the scope \`${scope}\`.`,
  security: [{ serverKey: [] as string[] }],
})

/** What it says of a route for the marketplace's backend, and for people with a role. */
export const forKeysAnd = (people: 'moderators' | 'admins', ...about: Parameters<typeof forKeys>) => {
  const operation = forKeys(...about)
  return {
    ...operation,
    description: `${operation.description} For ${people} too.`,
    security: [{ bearer: [] }, { cookie: [] }, ...operation.security],
  }
}

/** The body of a 204. */
export const Nothing = t.Void({ description: 'Nothing.' })

/** Of pages: how many items at most. */
export const LIMIT = { minimum: 1, maximum: 100, default: 30, description: 'How many at most.' }

/** Elysia's own would take ` 1`, `1e1` and `0x10` for numbers too. */
const DIGITS = { format: 'integer', pattern: '^(0|[1-9][0-9]{0,15})$', fault: 'no_whole_number' }

/** A whole number in a query or a path. Elysia's own forgets its name where it is out of range. */
export function wholeNumber(name: string, options: IntegerOptions) {
  const range = TypeCompiler.Compile(t.Integer(options))
  const number = t
    .Transform(t.Union([t.String(DIGITS), t.Integer(options)], options))
    .Decode((raw) => {
      const found = range.Errors(Number(raw)).First()
      if (found) throw new ChatError('invalid', { errors: [{ ...fieldErrorOf(found), path: `/${name}` }] })
      return Number(raw)
    })
    .Encode((value) => value)
  // For Elysia a query has the type that a schema checks, which here is text.
  return t.Unsafe<number>(number)
}

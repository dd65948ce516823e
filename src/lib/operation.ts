import { Type as t } from '@sinclair/typebox'

/** What the API document says of a route that anybody may call. */
export const open = (summary: string, description = summary) => ({ summary, description })

/** What it says of a route for people who are signed in, in either way. */
export const signedIn = (summary: string, description = summary) => ({
  summary,
  description,
  security: [{ bearer: [] }, { cookie: [] }],
})

/** The body of a 204. */
export const Nothing = t.Void({ description: 'Nothing.' })

/** Of pages: how many items at most. */
export const LIMIT = { minimum: 1, maximum: 100, default: 30, description: 'How many at most.' }

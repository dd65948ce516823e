import { t } from 'elysia'
import { LIMIT, wholeNumber } from '../lib/http/operation.ts'
import { SearchText } from '../products/model.ts'

/** What is sought: as long as the longest e-mail. */
export const q = (description: string) => t.Optional(t.String({ ...SearchText, maxLength: 254, description }))

export const userId = t.String({ maxLength: 200, examples: ['0193f3a2-7b1c-7000-8000-0000000000a1'] })

export const pageQuery = {
  cursor: t.Optional(t.String({ maxLength: 200, description: 'nextCursor of the page before.' })),
  limit: wholeNumber('limit', LIMIT),
}

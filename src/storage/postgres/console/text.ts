import { sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { patternOf } from '../../rows.ts'

/** Without regard to the case of A to Z: the collation is C. */
export const contains = (column: PgColumn, part: string) => sql`${column} ILIKE ${patternOf(part)} ESCAPE '\\'`

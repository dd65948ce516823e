import { sql } from 'drizzle-orm'
import type { SQLiteColumn } from 'drizzle-orm/sqlite-core'
import { patternOf } from '../../rows.ts'

/** Without regard to the case of A to Z. */
export const contains = (column: SQLiteColumn, part: string) => sql`${column} LIKE ${patternOf(part)} ESCAPE '\\'`

/** A program that signs in for each of its jobs would make them without end. */
export const MAX_SESSIONS_A_PERSON = 100

/** How many expired sessions and tickets a new one clears away: more than it adds, so they never pile up. */
export const CLEARED_AT_ONCE = 20

/** Much longer than any node takes to read them. */
export const REVOCATIONS_KEPT_MS = 24 * 3600 * 1000

/** Others write meanwhile: one commit looks at no more entries of a room. */
export const SPAN_OF_ERASURE = 500

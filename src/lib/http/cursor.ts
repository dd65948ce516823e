import { ChatError } from '../errors.ts'

/** An opaque cursor of whole numbers. */
export const writeCursor = (...place: number[]): string => Buffer.from(place.join('.')).toString('base64url')

/** @throws ChatError `bad_request` for anything that `writeCursor` did not make with as many numbers. */
export function readCursor(cursor: string, length: number): number[] {
  const place = Buffer.from(cursor, 'base64url').toString('latin1').split('.').map(Number)
  const isSound = place.length === length && place.every((part) => Number.isSafeInteger(part) && part >= 0)
  if (!isSound || writeCursor(...place) !== cursor) throw new ChatError('bad_request', { reason: 'bad_cursor' })
  return place
}

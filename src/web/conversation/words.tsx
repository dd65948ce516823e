import type { ComponentChild } from 'preact'

// http and https alone, so that a link can't be a script.
const LINK = /\bhttps?:\/\/[^\s<>"]+/gi
/** What ends a sentence is no part of the address in it. */
const TRAILING = /[.,;:!?'")\]}]+$/
const EMOJI_ONLY = /^(?:\p{RGI_Emoji}\s*){1,3}$/v

/** The text of a message, its addresses as links. */
export const Words = ({ text }: { text: string }) => <>{[...partsOf(text)]}</>

function* partsOf(text: string): Generator<ComponentChild> {
  let at = 0
  for (const { 0: found, index } of text.matchAll(LINK)) {
    const address = trimmed(found)
    if (!URL.canParse(address)) continue
    yield text.slice(at, index)
    yield (
      <a href={address} target="_blank" rel="noopener noreferrer nofollow ugc">
        {address}
      </a>
    )
    at = index + address.length
  }
  yield text.slice(at)
}

/** A closing bracket stays where the address has opened it. */
function trimmed(address: string): string {
  const tail = TRAILING.exec(address)?.[0] ?? ''
  if (tail.startsWith(')') && address.includes('(')) return address.slice(0, address.length - tail.length + 1)
  return address.slice(0, address.length - tail.length)
}

export const isEmojiOnly = (text: string): boolean => EMOJI_ONLY.test(text.trim())

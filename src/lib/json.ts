/** Deeper than anything of ours. What reads a value after this is recursive, and would take long, or end. */
const MAX_DEPTH = 16

const [BACKSLASH, QUOTE, COLON, BRACE, BRACKET, END_BRACE, END_BRACKET] = [92, 34, 58, 123, 91, 125, 93]

/**
 * JSON.parse for what comes from outside: at most 16 levels, and no name twice in one object, since of such a name one
 * reader takes the first value and another the last.
 * @throws SyntaxError
 */
export function parseJson(json: string): unknown {
  const value: unknown = JSON.parse(json)
  const { names, depth } = measure(json)
  if (depth > MAX_DEPTH) throw new SyntaxError('too deep')
  if (names !== namesIn(value)) throw new SyntaxError('a name stands twice')
  return value
}

/** How deep a valid JSON text goes, and how many names stand in it. */
function measure(json: string) {
  let [names, depth, level] = [0, 0, 0]
  let isString = false
  for (let at = 0; at < json.length; at++) {
    const char = json.charCodeAt(at)
    if (char === BACKSLASH) at += 1
    else if (char === QUOTE) isString = !isString
    else if (isString) continue
    else if (char === COLON) names += 1
    else if (char === BRACE || char === BRACKET) depth = Math.max(depth, ++level)
    else if (char === END_BRACE || char === END_BRACKET) level -= 1
  }
  return { names, depth }
}

function namesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const isList = Array.isArray(value)
  let names = isList ? 0 : Object.keys(value).length
  for (const each of isList ? value : Object.values(value)) names += namesIn(each)
  return names
}

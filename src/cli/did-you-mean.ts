import { closestMatch } from 'leven'

/**
 * ` Did you mean X?` for the candidate of which `name` is a slip of the fingers, or nothing. `bare` takes off what
 * all share, so that a common prefix makes nothing similar.
 */
export function didYouMean(name: string, candidates: readonly string[], bare = (text: string) => text): string {
  const wanted = bare(name)
  const closest = closestMatch(wanted, candidates.map(bare), { maxDistance: Math.ceil(wanted.length * 0.4) })
  const candidate = candidates.find((candidate) => bare(candidate) === closest)
  return candidate === undefined ? '' : ` Did you mean ${candidate}?`
}

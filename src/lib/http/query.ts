/** The query of a request, whatever its `Host` is: `new URL` throws for some that a client may send. */
export function queryOf({ url }: Request): URLSearchParams {
  const at = url.indexOf('?')
  return new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
}

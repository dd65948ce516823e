/** The store, each of whose failures goes through `tell`. */
export function wrapped<S extends object>(store: S, tell: (error: unknown) => never): S {
  const methods = Object.entries(store).map(([name, method]) => [
    name,
    (...args: unknown[]) => method(...args).catch(tell),
  ])
  // The same methods by the same names, which the compiler cannot follow through entries; all of a port's are async.
  return Object.fromEntries(methods) as S
}

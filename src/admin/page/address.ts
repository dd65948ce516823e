/** Ids of people and products are the marketplace's own, and may have a `/` or a `?` in them. */
export const personAt = (id: string): string => `/admin/people/${encodeURIComponent(id)}`
export const productAt = (id: string): string => `/admin/products/${encodeURIComponent(id)}`
export const roomAt = (id: string | number): string => `/admin/rooms/${id}`

/** Which view an address is of, and of which one in it. */
export function placeOf(path: string): { view: string; id: string | undefined } {
  const [, , view = '', id] = path.split('/')
  return { view, id: id ? decoded(id) : undefined }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

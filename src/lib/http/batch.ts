import { type TProperties, Type as t } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { ChatError, type FieldError } from '../errors.ts'

/** The marketplace's own id of a person or a product; ours are UUIDs. */
export const HostId = t.String({
  minLength: 1,
  maxLength: 200,
  // `.` and `..` are no names in a path.
  pattern: '^(?!\\.{1,2}$)[\\x21-\\x7e]+$',
  fault: 'no_host_id',
  description: 'The id that the marketplace knows it by: up to 200 printable ASCII characters, without spaces.',
  examples: ['user-4711'],
})

const hostId = TypeCompiler.Compile(HostId)

export const isHostId = (value: unknown): value is string => hostId.Check(value)

/** In a path a wrong id would be no id of anybody's; where something is made under it, it has to be told. */
export function requireHostId(id: string, path: string): void {
  if (!isHostId(id)) throw new ChatError('invalid', { errors: [{ path, fault: 'no_host_id' }] })
}

/** A batch of what has these fields, each with its id. */
export const batchOf = <P extends TProperties>(title: string, fields: P) =>
  t.Object(
    {
      items: t.Array(t.Object({ id: HostId, ...fields }, { additionalProperties: false }), {
        minItems: 1,
        maxItems: 100,
      }),
    },
    { title, additionalProperties: false },
  )

/** Which of two with one id would count, nobody could tell. */
export function requireDistinct(items: readonly { id: string }[]): void {
  const seen = new Set<string>()
  const errors: FieldError[] = []
  for (const [at, { id }] of items.entries()) {
    if (seen.has(id)) errors.push({ path: `/items/${at}/id`, fault: 'named_twice' })
    seen.add(id)
  }
  if (errors.length > 0) throw new ChatError('invalid', { errors })
}

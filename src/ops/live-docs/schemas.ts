/** What our contracts use of JSON Schema, draft 7, which is also that of AsyncAPI. Other keywords pass through. */
export interface JsonSchema {
  $ref?: string
  type?: string
  title?: string
  description?: string
  format?: string
  const?: unknown
  enum?: unknown[]
  default?: unknown
  examples?: unknown[]
  minimum?: number
  maximum?: number
  maxLength?: number
  maxItems?: number
  required?: string[]
  properties?: Record<string, JsonSchema>
  additionalProperties?: JsonSchema | boolean
  items?: JsonSchema
  anyOf?: JsonSchema[]
  allOf?: JsonSchema[]
  /** Ours: what to say where the pattern does not fit (lib/http/field-errors.ts). */
  fault?: string
}

const REF = '#/components/schemas/'

/** The name of the shape that a schema refers to, also where it says something of its own beside that. */
export const shapeOf = ({ $ref, allOf }: JsonSchema): string | undefined =>
  ($ref ?? allOf?.[0]?.$ref)?.slice(REF.length)

/** Collects what has a title, to be referred to by it. */
export class Shapes {
  readonly #named = new Map<string, JsonSchema>()

  /** What a client sends. */
  sent(schema: JsonSchema): JsonSchema {
    return this.#convert(schema, true)
  }

  /** What it is told. That is never closed: a client ignores the fields it doesn't know. */
  told(schema: JsonSchema): JsonSchema {
    return this.#convert(schema, false)
  }

  /** In alphabetical order. */
  get named(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#named].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  #convert(schema: JsonSchema, mayBeClosed: boolean): JsonSchema {
    const { title, examples, fault: _, properties, additionalProperties: others, items, anyOf, ...rest } = schema
    const part = (inner: JsonSchema) => this.#convert(inner, mayBeClosed)
    const whole = {
      ...rest,
      ...(properties ? { properties: mapValues(properties, part) } : {}),
      ...(typeof others === 'object' ? { additionalProperties: part(others) } : {}),
      ...(others === false && mayBeClosed ? { additionalProperties: false } : {}),
      ...(items ? { items: part(items) } : {}),
      ...(anyOf ? alternatives(anyOf.map(part)) : {}),
    }
    const own = examples ? { examples } : {}
    if (title === undefined) return { ...whole, ...own }
    const reference = this.#name(title, whole)
    // In draft 7 what stands beside a $ref does not count.
    return examples ? { allOf: [reference], ...own } : reference
  }

  #name(title: string, schema: JsonSchema): JsonSchema {
    const known = this.#named.get(title)
    if (known && !Bun.deepEquals(known, schema)) throw new Error(`two schemas have the title ${title}`)
    this.#named.set(title, schema)
    return { $ref: REF + title }
  }

  /** A value as the schema wants it, put together from the examples of its parts; what is optional and has none stays out. */
  exampleOf(schema: JsonSchema): unknown {
    const { examples, default: fallback, const: only, properties, required = [], items, anyOf } = schema
    const [known = only ?? fallback] = examples ?? schema.enum ?? []
    if (known !== undefined) return known
    const shape = shapeOf(schema)
    if (shape !== undefined) return this.exampleOf(this.#named.get(shape) ?? {})
    if (anyOf) return this.exampleOf(anyOf.find(tells) ?? anyOf.at(-1) ?? {})
    if (items) return [this.exampleOf(items)]
    if (!properties) return PLAIN[schema.type ?? '']
    const shown = Object.entries(properties).filter(([name, inner]) => required.includes(name) || tells(inner))
    return Object.fromEntries(shown.map(([name, inner]) => [name, this.exampleOf(inner)]))
  }
}

const PLAIN: Record<string, unknown> = { string: '', integer: 0, boolean: false, object: {}, array: [], null: null }

/** Whether an example can be made of it that is more than a value of the right type. */
const tells = (schema: JsonSchema): boolean =>
  [schema.examples, schema.const, schema.default, schema.enum, schema.properties, shapeOf(schema)].some(
    (part) => part !== undefined,
  ) || [...(schema.anyOf ?? []), ...(schema.items ? [schema.items] : [])].some(tells)

/** A choice of values is told as one. */
function alternatives(anyOf: JsonSchema[]): JsonSchema {
  const [first = {}] = anyOf
  const values = anyOf.flatMap((schema) => (schema.const === undefined ? [] : [schema.const]))
  const isChoice = values.length === anyOf.length && first.type !== undefined
  return isChoice ? { type: first.type ?? '', enum: values } : { anyOf }
}

const mapValues = <T, R>(record: Record<string, T>, change: (value: T) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))

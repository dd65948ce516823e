/** What our contracts use of JSON Schema, and OpenAPI 3.0 of it. Other keywords pass through as they are. */
export interface Schema {
  $ref?: string
  type?: string
  title?: string
  description?: string
  format?: string
  const?: unknown
  enum?: unknown[]
  default?: unknown
  example?: unknown
  examples?: unknown[]
  minimum?: number
  minProperties?: number
  nullable?: boolean
  required?: string[]
  additionalProperties?: unknown
  properties?: Record<string, Schema>
  items?: Schema
  anyOf?: Schema[]
  allOf?: Schema[]
  /** Ours: what to say where the pattern does not fit (lib/http/field-errors.ts). */
  fault?: string
  /** Of a text that is no plain one. */
  contentMediaType?: string
}

const REF = '#/components/schemas/'
// The text forms that Elysia takes for numbers and flags in a URL, where everything is text anyway.
const TEXT_FORMS = ['integer', 'numeric', 'boolean']

/** Turns TypeBox's JSON Schema into that of OpenAPI 3.0, and collects what has a title, to be referred to by it. */
export class Schemas {
  readonly #named = new Map<string, Schema>()

  /** The schema of what a client sends. */
  sent(schema: Schema): Schema {
    return this.#convert(schema, (rest) => rest)
  }

  /** Of what it is answered. That is never closed: a client ignores the fields it doesn't know. */
  answered(schema: Schema): Schema {
    return this.#convert(schema, ({ additionalProperties: _, ...rest }) => rest)
  }

  /** Everything that has a title, in alphabetical order. */
  get named(): Record<string, Schema> {
    return Object.fromEntries([...this.#named].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** A value as the schema wants it, put together from the examples of its parts. */
  exampleOf(schema: Schema): unknown {
    const { $ref, example, default: fallback, allOf, properties, items } = schema
    if (example !== undefined) return example
    if (fallback !== undefined) return fallback
    const whole = $ref === undefined ? allOf?.[0] : this.#named.get($ref.slice(REF.length))
    if (whole) return this.exampleOf(whole)
    if (properties) return mapValues(properties, (property) => this.exampleOf(property))
    return items ? [this.exampleOf(items)] : plainExample(schema)
  }

  #convert(schema: Schema, trim: (rest: Schema) => Schema): Schema {
    const { title, const: only, examples, properties, items, anyOf, fault: _, ...rest } = schema
    const part = (inner: Schema) => this.#convert(inner, trim)
    const example = examples === undefined ? {} : { example: examples[0] }
    const converted: Schema = {
      ...trim(rest),
      ...(only === undefined ? {} : { enum: [only] }),
      ...(properties ? { properties: mapValues(properties, part) } : {}),
      ...(items ? { items: part(items) } : {}),
    }
    const whole = anyOf ? union(anyOf.map(part), converted) : converted
    if (title === undefined) return { ...whole, ...example }
    const reference = this.#name(title, whole)
    return examples === undefined ? reference : { allOf: [reference], ...example }
  }

  #name(title: string, schema: Schema): Schema {
    const known = this.#named.get(title)
    if (known && !Bun.deepEquals(known, schema)) throw new Error(`two schemas have the title ${title}`)
    this.#named.set(title, schema)
    return { $ref: REF + title }
  }
}

/** OpenAPI 3.0 has no type `null` and no `const`: they become `nullable` and `enum`. */
function union(alternatives: Schema[], outer: Schema): Schema {
  const isNull = ({ type }: Schema) => type === 'null'
  const isTextForm = ({ type, format = '' }: Schema) => type === 'string' && TEXT_FORMS.includes(format)
  const values = alternatives.filter((schema) => !isNull(schema) && !isTextForm(schema))
  return { ...merged(values), ...outer, ...(alternatives.some(isNull) ? { nullable: true } : {}) }
}

function merged(alternatives: Schema[]): Schema {
  const [first = {}, ...others] = alternatives
  // Keywords beside a $ref are ignored.
  if (others.length === 0) return first.$ref === undefined ? first : { allOf: [first] }
  const literals = alternatives.flatMap((schema) => schema.enum ?? [])
  const isEnum = alternatives.every((schema) => schema.enum && schema.type === first.type)
  return isEnum && first.type !== undefined ? { type: first.type, enum: literals } : { anyOf: alternatives }
}

function plainExample({ nullable, enum: values, type, minimum = 0 }: Schema): unknown {
  if (nullable) return null
  if (values) return values[0]
  if (type === 'boolean') return false
  return type === 'integer' || type === 'number' ? minimum : ''
}

const mapValues = <T, R>(record: Record<string, T>, change: (value: T) => R): Record<string, R> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))

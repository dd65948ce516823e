import { ChatError, ERROR_CODES, type ErrorCode } from '../lib/errors.ts'
import { problemOf } from '../lib/http/problem.ts'
import { titleOf } from '../lib/texts.ts'
import { type Schema, Schemas } from './openapi-schemas.ts'

interface Content {
  [mediaType: string]: { schema: Schema; example?: unknown; examples?: Record<string, { value: unknown }> }
}

interface RawParameter {
  name: string
  in: string
  required: boolean
  description?: string
  examples?: unknown[]
  schema: Schema
}

/** As the plugin writes it: the keywords of an object's schema stand beside the schema, its title among them. */
interface RawResponse {
  title?: string
  description?: string
  /** The failures that this route may answer with this status; all of the status, where it doesn't say. */
  codes?: ErrorCode[]
  content?: Content
}

interface RawOperation {
  tags?: string[]
  summary?: string
  description?: string
  security?: Record<string, string[]>[]
  parameters?: RawParameter[]
  requestBody?: { content: Content }
  responses: Record<string, RawResponse>
}

/** What @elysiajs/swagger 1.3.1 gives: OpenAPI in form, with JSON Schema that OpenAPI 3.0 doesn't have. */
export interface RawDocument {
  paths: Record<string, Record<string, RawOperation>>
  components?: object
}

const MEANINGS: Record<string, string> = {
  200: 'Done.',
  201: 'Created.',
  204: 'Done; there is nothing to tell.',
  503: 'Not now.',
}
const RETRY_AFTER = { description: 'Seconds to wait.', schema: { type: 'integer' }, example: 5 }

const count = (description: string, example: number) => ({ description, schema: { type: 'integer' }, example })
const RATE_LIMIT = {
  'RateLimit-Limit': count('How many in a window.', 30),
  'RateLimit-Remaining': count('How many are left.', 0),
  'RateLimit-Reset': count('Seconds until there are more.', 5),
}

/** A valid OpenAPI 3.0.3 document: each schema once, each status with its media type and an example. */
export function normalise(raw: RawDocument): object {
  const schemas = new Schemas()
  const paths: Record<string, Record<string, object>> = {}
  for (const [path, methods] of Object.entries(raw.paths)) {
    const operations = Object.entries(methods).map(([method, operation]) => {
      const { parameters = [], requestBody, responses, ...about } = operation
      const operationId = operationIdOf(method, path)
      return [method, { ...about, operationId, ...shapesOf({ parameters, requestBody, responses }, schemas) }] as const
    })
    paths[path] = Object.fromEntries(operations)
  }
  return { ...raw, paths, components: { ...raw.components, schemas: schemas.named } }
}

/** `PUT /api/rooms/{roomId}/read-mark` is `putRoomsByRoomIdReadMark`. */
function operationIdOf(method: string, path: string): string {
  const words = path
    .replace(/^\/api\//, '/')
    .replaceAll('{', 'by-')
    .split(/[^A-Za-z]+/)
  return method + words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('')
}

type Shapes = Required<Pick<RawOperation, 'parameters' | 'responses'>> & {
  requestBody: RawOperation['requestBody'] | undefined
}

function shapesOf({ parameters, requestBody, responses }: Shapes, schemas: Schemas) {
  const answers = Object.entries(responses).map(([status, response]) => [
    status,
    response.title === 'Problem' ? failure(Number(status), response, schemas) : answer(status, response, schemas),
  ])
  return {
    ...(parameters.length > 0 ? { parameters: parameters.map((parameter) => parameterOf(parameter, schemas)) } : {}),
    ...(requestBody ? { requestBody: bodyOf(requestBody.content, schemas) } : {}),
    responses: Object.fromEntries(answers),
  }
}

function parameterOf({ examples = [], ...parameter }: RawParameter, schemas: Schemas) {
  const schema = schemas.sent(parameter.schema)
  const isRequired = parameter.required && schema.default === undefined
  // Swagger UI sends an example unless it is taken out: a filter or a key that nobody asked for.
  const example = isRequired ? { example: examples[0] ?? schemas.exampleOf(schema) } : {}
  return { ...parameter, required: isRequired, schema, ...example }
}

function bodyOf(content: Content, schemas: Schemas) {
  const raw = firstSchema(content)
  const schema = schemas.sent(raw)
  // Where no field is required, the body may stay away whole.
  const required = (raw.required ?? []).length > 0 || raw.minProperties !== undefined
  return { required, content: { 'application/json': { schema, example: schemas.exampleOf(schema) } } }
}

function answer(status: string, { title, description = MEANINGS[status], content }: RawResponse, schemas: Schemas) {
  const about = { description: description ?? 'An answer.' }
  if (!content) return about
  const { contentMediaType = 'text/plain', ...raw } = firstSchema(content)
  const schema = schemas.answered({ ...(title === undefined ? {} : { title }), ...raw })
  const mediaType = schema.type === 'string' ? contentMediaType : 'application/json'
  return { ...about, content: { [mediaType]: { schema, example: schemas.exampleOf(schema) } } }
}

function failure(status: number, { content = {}, codes }: RawResponse, schemas: Schemas) {
  const known = codes ?? ERROR_CODES.filter((code) => new ChatError(code).status === status)
  const schema = schemas.answered({ title: 'Problem', ...firstSchema(content) })
  const examples = Object.fromEntries(known.map((code) => [code, { value: problemExample(code) }]))
  const meaning = known.map((code) => `\`${code}\` (${titleOf(code, 'en')})`).join(', ')
  return {
    description: meaning,
    ...(status === 429 ? { headers: { 'Retry-After': RETRY_AFTER, ...RATE_LIMIT } } : {}),
    ...(status === 503 ? { headers: { 'Retry-After': RETRY_AFTER } } : {}),
    content: { 'application/problem+json': { schema, examples } },
  }
}

function problemExample(code: ErrorCode): object {
  const errors = [{ path: '/title', fault: 'required' as const }]
  const error = new ChatError(code, code === 'invalid' ? { errors } : {})
  return problemOf(error, { locale: 'en', requestId: '0193f3a2-7b1c-7000-8000-0000000000d1' })
}

/** The plugin names the same schema for each media type that it knows. */
const firstSchema = (content: Content): Schema => Object.values(content)[0]?.schema ?? {}

import { type JsonSchema, shapeOf } from './schemas.ts'

const MARKDOWN = { noHtmlBlocks: true, noHtmlSpans: true, headings: { ids: true } } as const

/** CommonMark of ours as blocks, and as part of a line. */
export const markdown = (text: string): string => Bun.markdown.html(text, MARKDOWN)
export const words = (text: string): string =>
  markdown(text)
    .trim()
    .replaceAll(/^<p>|<\/p>$/g, '')

export const escaped = (text: string): string => Bun.escapeHTML(text)
export const code = (text: string): string => `<code>${escaped(text)}</code>`

/** Rows of cells, which are HTML already. */
export function table(columns: string[], rows: string[][], kind = 'list'): string {
  const head = columns.map((column) => `<th scope="col">${column}</th>`).join('')
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
  return `<table class="${kind}">\n<thead><tr>${head}</tr></thead>\n<tbody>\n${body.join('\n')}\n</tbody>\n</table>`
}

/** A table of what is in an object, and in the objects in it that have no name of their own. */
export function fields(schema: JsonSchema): string {
  const rows = rowsOf(schema, '')
  return rows.length === 0 ? '' : table(['Field', 'Type', 'Meaning'], rows, 'fields')
}

/** The same of what is in an envelope: a number, and one other field that says what it is. */
export function letter(schema: JsonSchema): { path: string[]; inside: string } {
  const { id: _, ...others } = schema.properties ?? {}
  const [[name, inner] = ['', {}], ...more] = Object.entries(others)
  if (more.length > 0 || inner.type !== 'object') return { path: [], inside: fields(schema) }
  const { path, inside } = letter(inner)
  return { path: [name, ...path], inside }
}

function rowsOf({ properties = {}, required = [] }: JsonSchema, prefix: string): string[][] {
  return Object.entries(properties).flatMap(([name, schema]) => {
    const path = `${prefix}${name}`
    const inner = rowsOf(schema, `${path}.`)
    if (inner.length > 0) return inner
    const optional = required.includes(name) ? '' : ' <small>optional</small>'
    return [[code(path) + optional, typeOf(schema), words(meaningOf(schema))]]
  })
}

/** Of what may be null, the meaning often stands with what it is otherwise. */
const meaningOf = ({ description, anyOf }: JsonSchema): string =>
  description ?? anyOf?.find((each) => each.description)?.description ?? ''

export const anchorOfShape = (name: string): string => `shape.${name}`

function typeOf(schema: JsonSchema): string {
  const { type = 'anything', const: only, enum: values, anyOf, items, additionalProperties: others } = schema
  const shape = shapeOf(schema)
  if (shape !== undefined) return `<a href="#${anchorOfShape(shape)}">${shape}</a>`
  if (only !== undefined) return code(JSON.stringify(only))
  if (values) return values.map((value) => code(JSON.stringify(value))).join(' or ')
  if (anyOf) return anyOf.map(typeOf).join(' or ')
  if (items) return `array of ${typeOf(items)}${boundsOf(schema)}`
  if (typeof others === 'object') return `object of ${typeOf(others)}`
  return `${type}${boundsOf(schema)}`
}

// Past this a bound is only that of the type.
const LARGEST = 0xffff_ffff

function boundsOf({ format, minimum, maximum = LARGEST, maxLength, maxItems, default: fallback }: JsonSchema): string {
  const range = maximum < LARGEST ? `${minimum} to ${maximum}` : `${minimum} or more`
  const bounds = [
    format === 'date-time' ? 'a time, in UTC' : '',
    minimum === undefined ? '' : range,
    maxLength === undefined ? '' : `at most ${maxLength} characters`,
    maxItems === undefined ? '' : `at most ${maxItems}`,
    fallback === undefined ? '' : `${JSON.stringify(fallback)} if left out`,
  ].filter((bound) => bound !== '')
  return bounds.length === 0 ? '' : ` <small>${bounds.join(', ')}</small>`
}

const LONG = 14

/** Of what is sent. A long one is folded. */
export function example(payload: unknown): string {
  const text = pretty(payload)
  const block = `<pre tabindex="0"><code>${escaped(text)}</code></pre>`
  return text.split('\n').length > LONG ? `<details><summary>Example</summary>\n${block}\n</details>` : block
}

const WIDTH = 84

/** JSON that is broken into lines only where it does not fit into one. */
function pretty(value: unknown, indent = ''): string {
  const line = onOneLine(value)
  if (indent.length + line.length <= WIDTH || typeof value !== 'object' || value === null) return line
  const deeper = `${indent}  `
  if (Array.isArray(value)) return `[\n${value.map((item) => deeper + pretty(item, deeper)).join(',\n')}\n${indent}]`
  const entries = Object.entries(value).map(([key, item]) => `${deeper}${JSON.stringify(key)}: ${pretty(item, deeper)}`)
  return `{\n${entries.join(',\n')}\n${indent}}`
}

function onOneLine(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(onOneLine).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${onOneLine(item)}`)
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`
}

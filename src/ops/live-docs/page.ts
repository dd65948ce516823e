import type { AsyncDocument, AsyncMessage, AsyncOperation } from './asyncapi.ts'
import { anchorOfShape, code, escaped, example, fields, letter, markdown, table, words } from './html.ts'
import type { PlaceName } from './places.ts'
import { shapeOf } from './schemas.ts'

/** A part of the page, which its contents lead to. */
interface Part {
  anchor: string
  title: string
  html: string
  parts: Part[]
}

/** How what is done on the app socket is put in groups: the first that fits. */
const GROUPS: [title: string, anchor: string, operations: RegExp][] = [
  ['Procedures', 'procedures', /^rpc\./],
  ['Procedures without a reply', 'unanswered', /^send\./],
  ['What comes unasked', 'pushes', /^(push|heartbeat)$/],
  ['Commands', 'commands', /./],
]
const ORDER = ['commands', 'procedures', 'unanswered', 'pushes']

/** The document as a page to read: plain HTML, no script. `at` gives the address of an asset. */
export function livePage(document: AsyncDocument, at: (asset: string) => string): string {
  const { title, version, description } = document.info
  const [about = '', ...chapters] = description.split(/^## /m)
  const places = Object.keys(document.channels) as PlaceName[]
  const parts = [...chapters.map(chapterOf), ...places.map((name) => placeOf(document, name)), shapesOf(document)]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="${at('favicon.png')}">
<link rel="stylesheet" href="${at('live.css')}">
</head>
<body>
<header>
<h1>${title} <small>${escaped(version)}</small></h1>
${markdown(about)}
</header>
<nav aria-label="Contents">
${contentsOf(parts)}
</nav>
<main>
${parts.map((part) => htmlOf(part, 2)).join('\n')}
</main>
</body>
</html>
`
}

function chapterOf(text: string): Part {
  const [title = '', ...lines] = text.split('\n')
  return { anchor: title.toLowerCase(), title, html: markdown(lines.join('\n')), parts: [] }
}

function contentsOf(parts: Part[]): string {
  const items = parts.map((part) => {
    const inner = part.parts.length > 0 ? contentsOf(part.parts) : ''
    return `<li><a href="#${part.anchor}">${part.title}</a>${inner}</li>`
  })
  return `<ul>\n${items.join('\n')}\n</ul>`
}

function htmlOf({ anchor, title, html, parts }: Part, level: number): string {
  const heading = `<h${level} id="${anchor}"><a href="#${anchor}">${title}</a></h${level}>`
  return `<section>\n${heading}\n${html}\n${parts.map((part) => htmlOf(part, level + 1)).join('\n')}\n</section>`
}

function placeOf(document: AsyncDocument, name: PlaceName): Part {
  const { address, title, description, bindings } = document.channels[name]
  const operations = Object.entries(document.operations).filter(([, { channel }]) => channel.$ref.endsWith(`/${name}`))
  const parts =
    name === 'app'
      ? groupsOf(document, operations)
      : operations.flatMap(([, operation]) => framesOf(document, operation))
  const html = [
    `<p class="address">${code(`${bindings ? 'GET ' : ''}${address}`)}</p>`,
    markdown(description),
    bindings ? `<p>In the query, if at all:</p>\n${fields(bindings.ws.query)}` : '',
  ]
  return { anchor: name, title, html: html.join('\n'), parts: [...parts, ...endingsOf(document, name)] }
}

function groupsOf(document: AsyncDocument, operations: [string, AsyncOperation][]): Part[] {
  const groups = Map.groupBy(operations, ([name]) => GROUPS.find(([, , names]) => names.test(name))?.[1] ?? '')
  return ORDER.map((anchor) => {
    const title = GROUPS.find((group) => group[1] === anchor)?.[0] ?? ''
    const inside = groups.get(anchor) ?? []
    return { anchor, title, html: '', parts: inside.flatMap(([, operation]) => framesOf(document, operation)) }
  })
}

/** Each kind of frame of an operation, with the reply that is its own. */
function framesOf(document: AsyncDocument, { action, messages, reply }: AsyncOperation): Part[] {
  const [sent, answered] = action === 'receive' ? ['You send', 'The server replies'] : ['The server sends', 'You reply']
  const replies = (reply?.messages ?? []).map(({ $ref }) => messageAt(document, $ref))
  const own = replies.filter(({ name }) => name.endsWith('.reply'))
  return messages.map(({ $ref }) => {
    const message = messageAt(document, $ref)
    const frames = [frameOf(document, message, sent), ...own.map((answer) => frameOf(document, answer, answered))]
    const html = `<p>${words(message.summary)}</p>\n${frames.join('\n')}`
    return { anchor: anchorOf(message), title: code(message.name), html, parts: [] }
  })
}

function messageAt({ components }: AsyncDocument, ref: string): AsyncMessage {
  const name = ref.slice(ref.lastIndexOf('/') + 1)
  const message = components.messages[name]
  if (!message) throw new Error(`there is no message ${name}`)
  return message
}

/** A message that is one shape, and nothing around it, is where that shape is told. */
function anchorOf({ name, payload }: AsyncMessage): string {
  const shape = shapeOf(payload)
  return shape === undefined ? name : anchorOfShape(shape)
}

function frameOf({ components }: AsyncDocument, { payload, examples }: AsyncMessage, title: string): string {
  const { path, inside } = letter(components.schemas[shapeOf(payload) ?? ''] ?? payload)
  const where = path.length > 0 && inside !== '' ? `, in ${code(path.join('.'))}` : ''
  return `<h5>${title}${where}</h5>\n${inside}\n${example(examples[0]?.payload)}`
}

function endingsOf(document: AsyncDocument, name: PlaceName): Part[] {
  const { 'x-errors': refusals = [], 'x-close-codes': endings = [], messages } = document.channels[name]
  if (endings.length === 0) return []
  const isNumbered = refusals.some(({ number }) => number !== undefined)
  const errors = refusals.map(({ number, word, meaning, temporary }) => [
    ...(isNumbered ? [code(String(number))] : []),
    ...[code(word) + (temporary ? ' <small>temporary</small>' : ''), words(meaning)],
  ])
  const closings = endings.map(({ code: number, reason, meaning, next }) => [
    ...[code(String(number)), escaped(reason), words(meaning), words(next)],
  ])
  const error = table(isNumbered ? ['Number', 'Word', 'Meaning'] : ['Code', 'Meaning'], errors)
  const close = table(['Code', 'Reason', 'Meaning', 'The client'], closings)
  const frame = messages.error
    ? `${frameOf(document, messageAt(document, messages.error.$ref), 'The server replies')}\n`
    : ''
  return [
    { anchor: `${name}.errors`, title: 'Errors', html: frame + error, parts: [] },
    { anchor: `${name}.close-codes`, title: 'Close codes', html: close, parts: [] },
  ]
}

/** What several frames have in common. */
function shapesOf({ components }: AsyncDocument): Part {
  const told = new Set(Object.values(components.messages).map(({ payload }) => shapeOf(payload)))
  const shapes = Object.entries(components.schemas).filter(([name]) => !told.has(name))
  const parts = shapes.map(([name, schema]) => {
    return { anchor: anchorOfShape(name), title: name, html: fields(schema) || '<p>An empty object.</p>', parts: [] }
  })
  return { anchor: 'shapes', title: 'Shapes', html: '<p>What several frames have in common.</p>', parts }
}

import fc from 'fast-check'

/** The same for everybody, unless FC_SEED and FC_RUNS say otherwise. What fails is printed as it came, with its seed. */
export const fuzz = (runs: number) => ({
  seed: Number(process.env.FC_SEED ?? 1),
  numRuns: Number(process.env.FC_RUNS ?? runs),
  endOnFailure: true,
})

/** Deep, and yet within the 64 KiB of a frame. */
const nested = (open: string, close: string) =>
  fc
    .tuple(fc.integer({ min: 17, max: 9000 }), fc.boolean())
    .map(([depth, isClosed]) => `${open.repeat(depth)}1${isClosed ? close.repeat(depth) : ''}`)

/** JSON that is none, or that is not what it seems. */
const trickery = fc.constantFrom(
  ...['', ' ', '\n', '{', '}', '[', ']', '"', ',', 'null', 'true', '1e400', '-0', '0x10', 'NaN', '\u0000', '\ufeff{}'],
  ...['{}{}', '{} {}', '[{}]', '{"a":1,}', "{'a':1}", '{"__proto__":null}', '{"constructor":{"prototype":{"a":1}}}'],
  ...[
    '"\\ud800"',
    '{"a":"\\u0000"}',
    '{"\\ud800":1}',
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":1}',
    '/**/{}',
    '{"a":\u00851}',
  ],
)

/** Text that is sent in place of a frame. */
export const hostileText = fc.oneof(
  { arbitrary: trickery, weight: 3 },
  { arbitrary: fc.string({ unit: 'binary', maxLength: 200 }), weight: 2 },
  { arbitrary: fc.json({ maxDepth: 20 }), weight: 2 },
  { arbitrary: nested('[', ']'), weight: 1 },
  { arbitrary: nested('{"a":', '}'), weight: 1 },
)

export const hostileValue = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.integer({ min: 3990, max: 4100 }).map((length) => 'x'.repeat(length)),
  fc.constantFrom('\u0000', '\ud800', '\udc00x', '  \n', '', '\u0301'.repeat(40), 1e308, -1, 1.5, 2 ** 53, '__proto__'),
)

interface Edit {
  at: number
  drop: number
  put: string
}

/** What a few bytes in the wrong place make of a text. */
export const edits = fc.array(
  fc.record({
    at: fc.nat(200),
    drop: fc.nat(3),
    put: fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3 }),
      fc.constantFrom('"', '{', '}', '\\', ':', ',', '\\u0000'),
    ),
  }),
  { minLength: 1, maxLength: 3 },
)

/** As it goes over the wire: half a surrogate pair does not. */
export const edited = (text: string, changes: Edit[]): string =>
  changes
    .reduce((so, { at, drop, put }) => {
      const place = at % (so.length + 1)
      return so.slice(0, place) + put + so.slice(place + drop)
    }, text)
    .toWellFormed()

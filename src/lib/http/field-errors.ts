import { type ValueError, ValueErrorType } from '@sinclair/typebox/errors'
import type { Fault, FieldError } from '../errors.ts'

/** An unknown field is named, but not at any length. */
const MAX_PATH = 100

const FAULTS: { [type in ValueErrorType]?: Fault } = {
  [ValueErrorType.ObjectRequiredProperty]: 'required',
  [ValueErrorType.ObjectAdditionalProperties]: 'unknown',
  [ValueErrorType.ObjectMinProperties]: 'empty_change',
  [ValueErrorType.Object]: 'no_object',
  [ValueErrorType.String]: 'no_text',
  [ValueErrorType.Boolean]: 'no_boolean',
  [ValueErrorType.Integer]: 'no_whole_number',
  [ValueErrorType.IntegerMinimum]: 'too_small',
  [ValueErrorType.IntegerMaximum]: 'too_large',
  [ValueErrorType.ArrayMinItems]: 'too_few_items',
  [ValueErrorType.ArrayMaxItems]: 'too_many_items',
  [ValueErrorType.StringMinLength]: 'too_short',
  [ValueErrorType.StringMaxLength]: 'too_long',
}

/** What a person is told of a value that fails its schema: never the value, and never the pattern. */
export function fieldErrorOf(found: ValueError): FieldError {
  const path = found.path.slice(0, MAX_PATH)
  const { type, schema } = found
  if (type === ValueErrorType.StringPattern || type === ValueErrorType.StringFormat) {
    // A schema with a pattern says in its `fault` what the pattern is for.
    return { path, fault: schema.fault ?? (schema.format === 'boolean' ? 'no_boolean' : 'wrong_form') }
  }
  if (type === ValueErrorType.Union) return { ...ofUnion(found), path }
  return { path, fault: FAULTS[type] ?? 'wrong_type', ...measureOf(found) }
}

function measureOf({ type, schema }: ValueError): Pick<FieldError, 'limit'> {
  const measures: { [type in ValueErrorType]?: number | undefined } = {
    [ValueErrorType.IntegerMinimum]: schema.minimum,
    [ValueErrorType.IntegerMaximum]: schema.maximum,
    [ValueErrorType.ArrayMinItems]: schema.minItems,
    [ValueErrorType.ArrayMaxItems]: schema.maxItems,
    [ValueErrorType.StringMinLength]: schema.minLength,
    [ValueErrorType.StringMaxLength]: schema.maxLength,
  }
  const limit = measures[type]
  return limit === undefined ? {} : { limit: String(limit) }
}

/** Of a union of literals: which there are. Of any other: what is wrong with the first alternative, which is not null. */
function ofUnion({ schema, errors }: ValueError): Omit<FieldError, 'path'> {
  const literals = (schema.anyOf ?? []).map((each: { const?: unknown }) => each.const)
  if (literals.every((literal: unknown) => literal !== undefined)) {
    return { fault: 'not_one_of', limit: literals.join(', ') }
  }
  const [first] = errors[0] ?? []
  return first ? fieldErrorOf(first) : { fault: 'wrong_type' }
}

/** Every failure that a client can see, with its HTTP status. Codes are public API: add, never rename. */
const STATUS = {
  bad_request: 400,
  unauthenticated: 401,
  forbidden: 403,
  origin_not_allowed: 403,
  not_found: 404,
  conflict: 409,
  email_taken: 409,
  client_id_reused: 409,
  too_large: 413,
  unsupported_type: 415,
  invalid: 422,
  upgrade_required: 426,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const

export type ErrorCode = keyof typeof STATUS
export const ERROR_CODES = Object.keys(STATUS) as ErrorCode[]

/**
 * Why, where the code alone does not say it. On HTTP it picks the sentence in `detail`; the ones in `SOCKET_CODES`
 * are codes of their own on a socket.
 */
export const REASONS = [
  'bad_frame',
  'message_required',
  'message_too_long',
  'message_not_text',
  'sender_mismatch',
  'room_not_found',
  'replay_too_long',
  'wrong_password',
  'wrong_credentials',
  'own_product',
  'product_archived',
  'client_id_differs',
  'before_and_after',
  'token_without_protocol',
  'json_only',
  'sign_up_closed',
  'sign_in_off',
  'disabled',
  'host_token',
  'no_password',
  'role',
  'key_scope',
  'keys_away',
  'erased',
  'too_many_sockets',
  'busy',
  'bad_client_id',
  'bad_cursor',
  'bad_json',
  'method_not_found',
  'already_connected',
  'already_subscribed',
  'too_many_channels',
  'not_available',
  'token_expired',
  'unrecoverable_position',
  'link_spent',
  'own_access',
  'key_name_taken',
] as const
export type Reason = (typeof REASONS)[number]

/** What may be wrong with one field. */
export type Fault =
  | 'required'
  | 'unknown'
  | 'empty_change'
  | 'wrong_type'
  | 'no_text'
  | 'no_whole_number'
  | 'no_boolean'
  | 'no_object'
  | 'too_short'
  | 'too_long'
  | 'too_small'
  | 'too_large'
  | 'too_many_bytes'
  | 'not_one_of'
  | 'wrong_form'
  | 'no_line'
  | 'no_controls'
  | 'no_unicode'
  | 'no_email'
  | 'no_link'
  | 'no_image_link'
  | 'no_currency'
  | 'no_origin'
  | 'no_client_id'
  | 'half_a_price'
  | 'no_host_id'
  | 'no_such_user'
  | 'for_keys_only'
  | 'named_twice'
  | 'too_few_items'
  | 'too_many_items'

/** One invalid field. `path` is a JSON pointer; the value itself is never repeated. */
export interface FieldError {
  path: string
  fault: Fault | Reason
  /** What would be right, where the fault has a measure: a number, or the choices. */
  limit?: string
}

interface Details extends ErrorOptions {
  reason?: Reason
  /** The invalid fields, for `invalid`. */
  errors?: FieldError[]
  /** Seconds to wait, for `rate_limited` and `unavailable`. */
  retryAfter?: number
  /** What the limit is, for `rate_limited`. */
  quota?: { limit: number; remaining: number; reset: number }
}

/** The one error that a client is told. Anything else that is thrown is told as `internal`, and logged. */
export class ChatError extends Error {
  override readonly name = 'ChatError'
  readonly code: ErrorCode
  readonly reason: Reason | undefined
  readonly errors: FieldError[] | undefined
  readonly retryAfter: number | undefined
  readonly quota: Details['quota']

  constructor(code: ErrorCode, { reason, errors, retryAfter, quota, ...options }: Details = {}) {
    super(reason ?? code, options)
    this.code = code
    this.reason = reason
    this.errors = errors
    this.retryAfter = retryAfter
    this.quota = quota
  }

  get status(): number {
    return STATUS[this.code]
  }
}

/** The server can't start. The message says what to do next. */
export class StartError extends Error {
  override readonly name = 'StartError'
  /** Another start may go well; otherwise none does until somebody has done something. */
  readonly mayPass: boolean

  constructor(message: string, { mayPass = false, ...options }: ErrorOptions & { mayPass?: boolean } = {}) {
    super(message, options)
    this.mayPass = mayPass
  }
}

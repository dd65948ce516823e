import type { ErrorCode, Fault, FieldError, Reason } from './errors.ts'

export const LOCALES = ['en', 'ko'] as const
export type Locale = (typeof LOCALES)[number]

type Text = Record<Locale, string>

const TITLES: Record<ErrorCode, Text> = {
  bad_request: { en: 'Bad request', ko: '잘못된 요청' },
  unauthenticated: { en: 'Not signed in', ko: '로그인이 필요합니다' },
  forbidden: { en: 'Not allowed', ko: '허용되지 않음' },
  origin_not_allowed: { en: 'Origin not allowed', ko: '허용되지 않은 출처' },
  not_found: { en: 'Not found', ko: '찾을 수 없음' },
  conflict: { en: 'Conflict', ko: '충돌' },
  email_taken: { en: 'E-mail already registered', ko: '이미 등록된 이메일' },
  client_id_reused: { en: 'Client id used for another message', ko: '다른 메시지에 사용된 client id' },
  too_large: { en: 'Too large', ko: '너무 큼' },
  unsupported_type: { en: 'Unsupported content type', ko: '지원하지 않는 콘텐츠 형식' },
  invalid: { en: 'Invalid', ko: '유효하지 않음' },
  upgrade_required: { en: 'WebSocket only', ko: 'WebSocket 전용' },
  rate_limited: { en: 'Too many requests', ko: '요청이 너무 많음' },
  internal: { en: 'Internal error', ko: '내부 오류' },
  unavailable: { en: 'Unavailable for now', ko: '일시적으로 사용할 수 없음' },
}

const DETAILS: Record<ErrorCode | Reason, Text> = {
  bad_request: { en: 'The request could not be read.', ko: '요청을 읽을 수 없습니다.' },
  unauthenticated: {
    en: 'Sign in, or send a valid token: this one is missing, unknown or expired.',
    ko: '로그인하거나 유효한 토큰을 보내 주세요. 토큰이 없거나 알 수 없거나 만료되었습니다.',
  },
  forbidden: { en: 'You may not do this.', ko: '이 작업을 할 권한이 없습니다.' },
  origin_not_allowed: {
    en: 'The Origin of this request is missing or not on the allowlist (PARLEY_ALLOWED_ORIGINS).',
    ko: '요청의 Origin이 없거나 허용 목록(PARLEY_ALLOWED_ORIGINS)에 없습니다.',
  },
  not_found: { en: 'There is nothing here, or it is not yours to see.', ko: '존재하지 않거나 볼 권한이 없습니다.' },
  conflict: { en: 'This does not fit the present state.', ko: '현재 상태와 맞지 않습니다.' },
  email_taken: { en: 'There is an account with this e-mail.', ko: '이 이메일로 등록된 계정이 있습니다.' },
  client_id_reused: {
    en: 'This client id was used for another text. Take a new one for a new message.',
    ko: '이 client id는 다른 메시지에 사용되었습니다. 새 메시지에는 새 id를 사용하세요.',
  },
  too_large: { en: 'The request is larger than 256 KiB.', ko: '요청이 256 KiB보다 큽니다.' },
  unsupported_type: { en: 'Send application/json.', ko: 'application/json으로 보내 주세요.' },
  invalid: { en: 'Something in the request is not valid.', ko: '요청에 유효하지 않은 값이 있습니다.' },
  upgrade_required: { en: 'Open this address as a WebSocket.', ko: '이 주소는 WebSocket으로 열어야 합니다.' },
  rate_limited: { en: 'Slow down, and try again in a moment.', ko: '잠시 후 다시 시도해 주세요.' },
  internal: { en: 'Something went wrong on the server.', ko: '서버에서 문제가 발생했습니다.' },
  unavailable: {
    en: 'The server cannot store anything right now. Nothing was saved; try again.',
    ko: '서버가 지금 저장할 수 없습니다. 저장되지 않았으니 다시 시도해 주세요.',
  },
  bad_frame: { en: 'A frame is one JSON object.', ko: '프레임은 하나의 JSON 객체여야 합니다.' },
  message_required: { en: 'A message text is required.', ko: '메시지 텍스트가 필요합니다.' },
  message_too_long: { en: 'A message has at most 4,000 characters.', ko: '메시지는 최대 4,000자입니다.' },
  message_not_text: {
    en: 'The text has control characters, broken Unicode or a pile of marks on one letter: take them out.',
    ko: '텍스트에 제어 문자, 깨진 유니코드 또는 한 글자에 너무 많은 결합 부호가 있습니다. 제거해 주세요.',
  },
  sender_mismatch: {
    en: 'sender_email is not the e-mail of the person who is signed in.',
    ko: 'sender_email이 로그인한 사용자의 이메일이 아닙니다.',
  },
  room_not_found: { en: 'There is no such room, or it is not yours.', ko: '채팅방이 없거나 참여자가 아닙니다.' },
  replay_too_long: {
    en: 'Too much was missed, or `after` is past the end: page through GET /api/rooms/{roomId}/messages.',
    ko: '놓친 메시지가 너무 많거나 after가 끝을 지났습니다. GET /api/rooms/{roomId}/messages 로 불러오세요.',
  },
  wrong_password: { en: 'The current password is wrong.', ko: '현재 비밀번호가 틀렸습니다.' },
  wrong_credentials: { en: 'The e-mail or the password is wrong.', ko: '이메일 또는 비밀번호가 틀렸습니다.' },
  own_product: { en: 'This is your own product.', ko: '본인의 상품입니다.' },
  product_archived: { en: 'This product is no longer offered.', ko: '더 이상 제공되지 않는 상품입니다.' },
  client_id_differs: {
    en: 'Idempotency-Key and clientId are both given, and differ.',
    ko: 'Idempotency-Key와 clientId가 서로 다릅니다.',
  },
  before_and_after: { en: 'Give before or after, not both.', ko: 'before와 after 중 하나만 사용하세요.' },
  token_without_protocol: {
    en: 'Offer parley.v1 beside parley.bearer.<token>: the server never answers with the token.',
    ko: 'parley.bearer.<token>과 함께 parley.v1을 제시하세요. 서버는 토큰으로 응답하지 않습니다.',
  },
  json_only: {
    en: 'Only the JSON form of the protocol is spoken here: choose it in the client.',
    ko: '이 서버는 프로토콜의 JSON 형식만 지원합니다. 클라이언트에서 JSON을 선택하세요.',
  },
  sign_up_closed: { en: 'Sign-up is closed on this server.', ko: '이 서버는 회원가입을 받지 않습니다.' },
  sign_in_off: {
    en: 'Nobody signs in here with a password: the marketplace does it (PARLEY_ACCOUNTS=off).',
    ko: '이 서버에는 비밀번호로 로그인할 수 없습니다. 마켓플레이스에서 로그인하세요(PARLEY_ACCOUNTS=off).',
  },
  disabled: { en: 'This person may not come in any more.', ko: '더 이상 이용할 수 없는 계정입니다.' },
  host_token: {
    en: 'This token is the marketplace’s: sign out there.',
    ko: '마켓플레이스가 발급한 토큰입니다. 마켓플레이스에서 로그아웃하세요.',
  },
  no_password: {
    en: 'There is no password here for you: the marketplace signs you in.',
    ko: '이 서버에는 비밀번호가 없습니다. 마켓플레이스에서 로그인합니다.',
  },
  role: { en: 'Your role does not allow this.', ko: '이 작업은 현재 역할로 할 수 없습니다.' },
  key_scope: {
    en: 'This is not for a server key, or not for one with these scopes.',
    ko: '서버 키로는 할 수 없거나 키에 필요한 권한이 없습니다.',
  },
  keys_away: {
    en: 'The keys of the marketplace cannot be fetched right now. Try again shortly.',
    ko: '지금 마켓플레이스의 키를 가져올 수 없습니다. 잠시 후 다시 시도하세요.',
  },
  too_many_sockets: {
    en: 'Too many sockets are open from this address.',
    ko: '이 주소에서 열린 소켓이 너무 많습니다.',
  },
  busy: { en: 'Too many sign-ins at once. Try again shortly.', ko: '로그인 요청이 많습니다. 잠시 후 다시 시도하세요.' },
  erased: {
    en: 'This person was erased, for good: take another id.',
    ko: '영구히 삭제된 사용자입니다. 다른 id를 사용하세요.',
  },
  bad_cursor: {
    en: 'This cursor is none of this list. Begin again without one.',
    ko: '이 목록의 cursor가 아닙니다. cursor 없이 처음부터 다시 요청하세요.',
  },
  bad_json: {
    en: 'The body is not JSON as it is taken here: in UTF-8, no name twice in one object, at most 16 levels deep.',
    ko: '본문이 올바른 JSON이 아닙니다. UTF-8이어야 하고, 한 객체에 같은 이름이 두 번 있거나 16단계를 넘으면 안 됩니다.',
  },
  method_not_found: { en: 'There is no such method.', ko: '존재하지 않는 메서드입니다.' },
  already_connected: { en: 'This connection is connected already.', ko: '이미 연결되어 있습니다.' },
  already_subscribed: {
    en: 'This connection listens to the channel already.',
    ko: '이 연결은 이미 해당 채널을 구독하고 있습니다.',
  },
  too_many_channels: {
    en: 'A connection listens to at most 256 rooms: unsubscribe from some.',
    ko: '한 연결에서 구독할 수 있는 채팅방은 최대 256개입니다. 일부 구독을 해제하세요.',
  },
  not_available: { en: 'This server has no use for it.', ko: '이 서버에서는 사용하지 않습니다.' },
  token_expired: {
    en: 'This token is good no more: get another one, and connect again.',
    ko: '토큰이 더 이상 유효하지 않습니다. 새 토큰을 받아 다시 연결하세요.',
  },
  unrecoverable_position: {
    en: 'This position is not one of this database: load the history again.',
    ko: '이 데이터베이스의 위치가 아닙니다. 대화 기록을 다시 불러오세요.',
  },
  link_spent: {
    en: 'This link is good no more: parley admin link makes a new one.',
    ko: '더 이상 유효하지 않은 링크입니다. parley admin link 로 새 링크를 만드세요.',
  },
  own_access: {
    en: 'Nobody changes their own access: another admin does.',
    ko: '자신의 권한은 바꿀 수 없습니다. 다른 관리자가 바꿔야 합니다.',
  },
  key_name_taken: {
    en: 'There is a key of this name: revoke it first, or take another name.',
    ko: '같은 이름의 키가 있습니다. 먼저 폐기하거나 다른 이름을 사용하세요.',
  },
  bad_client_id: {
    en: 'A client id has 1 to 128 printable ASCII characters, and no space.',
    ko: 'client id는 공백 없는 출력 가능한 ASCII 문자 1~128자입니다.',
  },
}

/** `{}` stands for the limit. */
const FAULTS: Record<Fault, Text> = {
  required: { en: 'is required', ko: '필수 항목입니다' },
  unknown: { en: 'is not known here: leave it out', ko: '알 수 없는 항목입니다. 빼 주세요' },
  empty_change: { en: 'name at least one field to change', ko: '변경할 항목을 하나 이상 보내 주세요' },
  wrong_type: { en: 'has the wrong type', ko: '자료형이 올바르지 않습니다' },
  no_text: { en: 'must be a string', ko: '문자열이어야 합니다' },
  no_whole_number: { en: 'must be a whole number', ko: '정수여야 합니다' },
  no_boolean: { en: 'must be true or false', ko: 'true 또는 false여야 합니다' },
  no_object: { en: 'must be one JSON object', ko: '하나의 JSON 객체여야 합니다' },
  too_short: { en: 'has too few characters: at least {}', ko: '{}자 이상이어야 합니다' },
  too_long: { en: 'has too many characters: at most {}', ko: '{}자 이하여야 합니다' },
  too_small: { en: 'must be at least {}', ko: '{} 이상이어야 합니다' },
  too_large: { en: 'must be at most {}', ko: '{} 이하여야 합니다' },
  too_many_bytes: { en: 'has too many bytes in UTF-8: at most {}', ko: 'UTF-8로 {}바이트 이하여야 합니다' },
  not_one_of: { en: 'must be one of: {}', ko: '다음 중 하나여야 합니다: {}' },
  wrong_form: { en: 'has the wrong form', ko: '형식이 올바르지 않습니다' },
  no_line: {
    en: 'must be one line with something to see in it, without control characters',
    ko: '제어 문자 없이, 공백만이 아닌 한 줄이어야 합니다',
  },
  no_controls: { en: 'must have no control characters', ko: '제어 문자가 없어야 합니다' },
  no_unicode: { en: 'must be well-formed Unicode', ko: '올바른 유니코드여야 합니다' },
  no_email: { en: 'must be an e-mail address', ko: '이메일 주소여야 합니다' },
  no_link: { en: 'must be an http or https URL', ko: 'http 또는 https URL이어야 합니다' },
  no_image_link: {
    en: 'must be an http or https URL, or a path on this server',
    ko: 'http 또는 https URL이거나 이 서버의 경로여야 합니다',
  },
  no_currency: {
    en: 'must be an ISO 4217 code of three capital letters',
    ko: '대문자 세 글자의 ISO 4217 코드여야 합니다',
  },
  no_origin: { en: 'must be an origin such as https://shop.example', ko: 'https://shop.example 같은 출처여야 합니다' },
  no_client_id: {
    en: 'must be printable ASCII without spaces',
    ko: '공백 없는 출력 가능한 ASCII 문자여야 합니다',
  },
  no_host_id: {
    en: 'must be printable ASCII without spaces, at most 200 characters',
    ko: '공백 없는 출력 가능한 ASCII 문자 200자 이하여야 합니다',
  },
  no_such_user: {
    en: 'is nobody whom Parley knows: PUT /api/users/{userId} first',
    ko: '알 수 없는 사용자입니다. 먼저 PUT /api/users/{userId} 로 보내 주세요',
  },
  for_keys_only: {
    en: 'is for a server key; whoever asks for themselves leaves it out',
    ko: '서버 키 전용 항목입니다. 본인의 요청에서는 빼 주세요',
  },
  named_twice: { en: 'stands twice in this batch', ko: '같은 묶음에 두 번 있습니다' },
  too_few_items: { en: 'has too few items: at least {}', ko: '항목이 {}개 이상이어야 합니다' },
  too_many_items: { en: 'has too many items: at most {}', ko: '항목이 {}개 이하여야 합니다' },
  half_a_price: {
    en: 'is needed: priceMinor and currency go together',
    ko: '필요합니다. priceMinor와 currency는 함께 보내야 합니다',
  },
}

const isFault = (fault: Fault | Reason): fault is Fault => fault in FAULTS

/** What is wrong with a field, and so what to do about it. */
export const faultOf = ({ fault, limit = '' }: FieldError, locale: Locale): string =>
  isFault(fault) ? FAULTS[fault][locale].replace('{}', limit) : DETAILS[fault][locale]

export const titleOf = (code: ErrorCode, locale: Locale): string => TITLES[code][locale]
export const detailOf = (key: ErrorCode | Reason, locale: Locale): string => DETAILS[key][locale]

/** The best of our languages for an `Accept-Language` header (RFC 9110 §12.5.4, lookup by primary subtag). */
export function localeFor(acceptLanguage: string | null | undefined, fallback: Locale): Locale {
  const wanted = (acceptLanguage ?? '').slice(0, 200).split(',').map(weigh)
  wanted.sort((a, b) => b.weight - a.weight)
  for (const { language, weight } of wanted) {
    const known = LOCALES.find((locale) => locale === language)
    if (known && weight > 0) return known
  }
  return fallback
}

function weigh(range: string) {
  const [tag = '', ...parameters] = range.trim().toLowerCase().split(';')
  const q = parameters.find((parameter) => parameter.trim().startsWith('q='))
  const weight = q === undefined ? 1 : Number(q.trim().slice(2))
  return { language: tag.split('-')[0], weight: Number.isNaN(weight) ? 0 : weight }
}

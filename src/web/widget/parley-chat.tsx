import { effect } from '@preact/signals'
import { render } from 'preact'
import { answered, Refusal, signedOut } from '../chat/api.ts'
import { Chat } from '../chat/chat.ts'
import { RoomView } from '../conversation/room-view.tsx'
import { locale, t } from '../locale/text.ts'
import { LineState } from '../ui/line.tsx'
import { Empty, Failed, Loading } from '../ui/states.tsx'
import uiStyle from '../ui/ui.css' with { type: 'text' }
import style from './widget.css' with { type: 'text' }

// Where this script came from; only to be had while it runs for the first time.
const SERVER = new URL((document.currentScript as HTMLScriptElement | null)?.src ?? location.href).origin

/**
 * `<parley-chat room="12" token="…">`: one conversation on a page of the marketplace's. Instead of `room` there may be a
 * `product`, whose owner the person then talks with; instead of `token` a `token-url`, which answers `{ "token": … }`, or the property `getToken`.
 * Tells the page what is unread with the event `parley-unread`.
 */
export class ParleyChat extends HTMLElement {
  static readonly observedAttributes = ['room', 'product', 'token', 'token-url', 'lang']
  /** Asked for a token when the chat begins, and when the one before runs out. */
  // Only declared: a page may have set it before this script came.
  declare getToken?: () => Promise<string>
  readonly #root = this.attachShadow({ mode: 'open' })
  #chat: Chat | undefined
  #stopTelling: (() => void) | undefined
  #token: Promise<string> | undefined
  #isDue = false

  constructor() {
    super()
    const sheets = [uiStyle, style].map((text) => {
      const sheet = new CSSStyleSheet()
      sheet.replaceSync(inPixels(text))
      return sheet
    })
    this.#root.adoptedStyleSheets = sheets
  }

  connectedCallback(): void {
    this.#begin()
  }

  disconnectedCallback(): void {
    this.#end()
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (name === 'lang' && (now === 'en' || now === 'ko')) locale.value = now
    else if (before !== now && this.isConnected) this.#begin()
  }

  /** Once for several attributes that are set one after the other. */
  #begin() {
    if (this.#isDue) return
    this.#isDue = true
    queueMicrotask(() => {
      this.#isDue = false
      this.#end()
      if (this.isConnected) void this.#open()
    })
  }

  #end() {
    this.#stopTelling?.()
    this.#chat?.close()
    this.#chat = undefined
    this.#token = undefined
    render(null, this.#root)
  }

  async #open() {
    const [room, product] = [this.getAttribute('room'), this.getAttribute('product')]
    const token = { current: () => (this.#token ??= this.#nextToken()), next: () => (this.#token = this.#nextToken()) }
    if (room === null && product === null) return this.#show(<Empty title={t('roomMissing')} hint={t('widgetNeeds')} />)
    const chat = new Chat({ server: SERVER, token })
    chat.onOther = () => this.#begin()
    this.#chat = chat
    this.#stopTelling = effect(() => {
      const detail = { totalUnread: chat.totalUnread.value }
      if (chat.line.value === 'connected')
        this.dispatchEvent(new CustomEvent('parley-unread', { detail, bubbles: true }))
    })
    this.#show(<Loading rows={5} kind="bubble" />)
    try {
      const roomId =
        room === null ? (await answered(chat.api.rooms.post({ productId: product ?? '' }))).id : Number(room)
      if (this.#chat === chat) this.#show(<Widget chat={chat} roomId={roomId} onRetry={() => this.#begin()} />)
    } catch (error) {
      if (this.#chat === chat) this.#show(<Refused error={error} onRetry={() => this.#begin()} />)
    }
  }

  #show(content: preact.ComponentChild) {
    render(<div class="widget">{content}</div>, this.#root)
  }

  async #nextToken(): Promise<string> {
    if (this.getToken) return this.getToken()
    const address = this.getAttribute('token-url')
    if (address === null) {
      // There is no other: to show the same again would change nothing.
      if (this.#token !== undefined) throw signedOut()
      return this.getAttribute('token') ?? ''
    }
    const response = await fetch(address)
    if (response.status === 401 || response.status === 403) throw signedOut()
    if (!response.ok) throw new Error(`${address} answered ${response.status}`)
    return ((await response.json()) as { token: string }).token
  }
}

/** What a rem is, the page says, and not for us. */
const inPixels = (style: string) => style.replace(/([\d.]+)rem\b/g, (_, rem: string) => `${Number(rem) * 16}px`)

interface WidgetProps {
  chat: Chat
  roomId: number
  onRetry: () => void
}

const Widget = ({ chat, roomId, onRetry }: WidgetProps) =>
  chat.line.value === 'ended' ? (
    <SignedOut onRetry={onRetry} />
  ) : (
    <>
      <LineState chat={chat} />
      <RoomView chat={chat} roomId={roomId} />
    </>
  )

/** Why there is no conversation: in the words of the server, where it has said something. */
const Refused = ({ error, onRetry }: { error: unknown; onRetry: () => void }) => {
  const { code, message } = error instanceof Refusal ? error : new Refusal(undefined)
  if (code === 'unauthenticated') return <SignedOut onRetry={onRetry} />
  return <Failed title={t('roomFailed')} {...(code === 'unreachable' ? {} : { hint: message })} onRetry={onRetry} />
}

const SignedOut = ({ onRetry }: { onRetry: () => void }) => (
  <Failed title={t('signInFirst')} hint={t('signInFirstHint')} onRetry={onRetry} />
)

import { effect, signal } from '@preact/signals'
import { type Chat, peerIn } from '../chat/chat.ts'
import { go } from './navigation.tsx'
import { session } from './session.ts'

/** Whether this browser may show notifications; `denied` also where it has none. */
export const notifications = signal<NotificationPermission>(
  'Notification' in globalThis ? Notification.permission : 'denied',
)

export async function askForNotifications(): Promise<void> {
  notifications.value = await Notification.requestPermission()
}

/** The title, the icon and notifications: what is unread is to be seen while another page is in front. */
export function watchForAttention(): void {
  effect(() => {
    const { value } = session
    const unread = value.state === 'in' ? value.chat.totalUnread.value : 0
    document.title = unread > 0 ? `(${unread}) Parley` : 'Parley'
    void badge(unread)
  })
  effect(() => {
    const { value } = session
    if (value.state === 'in') notifyOf(value.chat)
  })
  // Of a notification that was clicked.
  navigator.serviceWorker?.addEventListener('message', ({ data }) => go(data.path))
}

/** By the service worker: on a phone a page can't show one itself, and a click is heard when the page has gone too. */
function notifyOf(chat: Chat) {
  chat.onArrival = async (room) => {
    if (!document.hidden || notifications.peek() !== 'granted') return
    const { id, product, lastMessage } = room
    const registration = await navigator.serviceWorker.ready
    const title = `${peerIn(room).username} · ${product.title}`
    const data = { path: `/rooms/${id}` }
    await registration.showNotification(title, {
      body: lastMessage?.text ?? '',
      tag: `room-${id}`,
      icon: '/icon.svg',
      data,
    })
  }
}

const SIZE = 64
let shown = 0

/** The number on the icon of the page. */
async function badge(unread: number) {
  const link = document.querySelector<HTMLLinkElement>('link[rel=icon]')
  if (!link || unread === shown) return
  shown = unread
  if (unread === 0) {
    link.href = '/icon.svg'
    return
  }
  const image = new Image(SIZE, SIZE)
  image.src = '/icon.svg'
  await image.decode().catch(() => {})
  const canvas = Object.assign(document.createElement('canvas'), { width: SIZE, height: SIZE })
  const brush = canvas.getContext('2d')
  if (!brush || unread !== shown) return
  if (image.complete && image.naturalWidth > 0) brush.drawImage(image, 0, 0, SIZE, SIZE)
  brush.fillStyle = '#d32f2f'
  brush.beginPath()
  brush.arc(44, 20, 20, 0, 2 * Math.PI)
  brush.fill()
  brush.fillStyle = '#fff'
  brush.font = 'bold 28px sans-serif'
  brush.textAlign = 'center'
  brush.textBaseline = 'middle'
  brush.fillText(unread > 9 ? '9+' : String(unread), 44, 21)
  link.href = canvas.toDataURL()
}

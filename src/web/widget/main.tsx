import { ParleyChat } from './parley-chat.tsx'

if (!customElements.get('parley-chat')) customElements.define('parley-chat', ParleyChat)

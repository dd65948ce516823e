import { render } from 'preact'
import '../ui/ui.css'
import './app.css'
import { App } from './app.tsx'
import { watchForAttention } from './attention.ts'
import { begin } from './session.ts'

const root = document.querySelector('#app')
if (root) {
  root.textContent = ''
  render(<App />, root)
}
watchForAttention()
void begin()
keepForOffline()

/** The part of the API that is used here; TypeScript does not have it. */
interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL: (url: string) => string }
}

/** The browser keeps the page, so that it opens without a line too. */
function keepForOffline() {
  if (!('serviceWorker' in navigator)) return
  const address = '/service-worker.js'
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes }
  // The policy of the page wants a type of its own, where the browser knows of it.
  const script =
    trustedTypes?.createPolicy('parley', { createScriptURL: (url) => url }).createScriptURL(address) ?? address
  navigator.serviceWorker.register(script).catch(() => {})
}

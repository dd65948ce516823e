import { render } from 'preact'
import '../../web/ui/ui.css'
import '../../web/app/app.css'
import './console.css'
import { enter } from './entrance.ts'
import { Console } from './shell.tsx'

const root = document.querySelector('#app')
if (root) {
  root.textContent = ''
  render(<Console />, root)
}
void enter()
// A link that is opened in a page of the console changes nothing but the fragment.
addEventListener('hashchange', () => void enter())

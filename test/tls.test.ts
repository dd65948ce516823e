import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startParley } from './support/server.ts'

/** A certificate for this machine, good for a day. `using` removes it. */
function certificate() {
  const folder = mkdtempSync(join(tmpdir(), 'parley-tls-'))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const made = Bun.spawnSync([
    'openssl',
    'req',
    '-x509',
    ...curve,
    '-keyout',
    key,
    '-out',
    cert,
    '-days',
    '1',
    ...subject,
  ])
  expect(made.exitCode).toBe(0)
  return { cert, key, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) }
}

test('serves https and wss, with a cookie that is sent nowhere else', async () => {
  using files = certificate()
  await using server = await startParley({ args: ['--tls-cert', files.cert, '--tls-key', files.key] })
  const tls = { ca: await Bun.file(files.cert).text() }
  const account = { email: 'minji@example.com', username: 'Minji', password: 'correct horse battery' }

  const signedUp = await fetch(`${server.url}/api/accounts`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: server.url },
    body: JSON.stringify(account),
    tls,
  })

  expect(server.url).toStartWith('https://')
  expect(signedUp.status).toBe(201)
  const [cookie = ''] = signedUp.headers.getSetCookie()
  expect(cookie).toContain('; Secure;')

  // The own origin is the https one: the cookie gets in from there.
  const headers = { cookie: cookie.split(';')[0] ?? '', origin: server.url }
  const socket = new WebSocket(`${server.wsUrl}/ws/room/1/messages`, { headers, tls })
  const frame = await new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(JSON.parse(String(data)))
    socket.onerror = () => reject(new Error('no upgrade'))
  })
  expect(frame).toMatchObject({ code: 'room_not_found' })
})

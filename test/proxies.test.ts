import { expect, test } from 'bun:test'
import { Proxies } from '../src/lib/http/proxies.ts'

const TRUSTED = ['127.0.0.0/8', '10.1.0.0/16', '::1/128', '2001:db8::/32']

test.each([
  ['nobody that is trusted', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
  ['a proxy that says nothing', '127.0.0.1', '', '127.0.0.1'],
  ['a proxy that names the client', '127.0.0.1', '198.51.100.1', '198.51.100.1'],
  ['two proxies', '10.1.2.3', '198.51.100.1, 10.1.9.9', '198.51.100.1'],
  ['a client that names somebody else first', '127.0.0.1', '192.0.2.66, 198.51.100.1', '198.51.100.1'],
  [
    'a client that names somebody else, through two proxies',
    '::1',
    '192.0.2.66, 198.51.100.1, 10.1.0.7',
    '198.51.100.1',
  ],
  ['a proxy that writes a port', '127.0.0.1', '192.0.2.66, 198.51.100.1:4711', '198.51.100.1'],
  ['a proxy that writes a port of IPv6', '127.0.0.1', '192.0.2.66, [2606:4700::1]:4711', '2606:4700::1'],
  ['a proxy that does not know it', '127.0.0.1', '192.0.2.66, unknown', '127.0.0.1'],
  ['a second proxy that does not know it', '127.0.0.1', '192.0.2.66, unknown, 10.1.0.7', '10.1.0.7'],
  ['only proxies', '127.0.0.1', '10.1.0.1, 10.1.0.2', '10.1.0.1'],
  ['an IPv6 client', '2001:db8::1', '2001:db8:ffff::2, 2606:4700::1', '2606:4700::1'],
])('the client of %s', (_, peer, forwarded, ip) => {
  const headers = new Headers(forwarded === '' ? {} : { 'x-forwarded-for': forwarded })
  expect(new Proxies(TRUSTED, false).clientOf(headers, peer).ip).toBe(ip)
})

test.each([
  ['a trusted proxy that says https', '127.0.0.1', 'https', false, true],
  ['a trusted proxy that says http', '127.0.0.1', 'http', true, false],
  ['the proxy next to us, after another', '127.0.0.1', 'http, https', false, true],
  ['somebody who says https', '203.0.113.9', 'https', false, false],
  ['somebody on a server that speaks TLS', '203.0.113.9', 'http', true, true],
  ['a trusted proxy that says nothing', '127.0.0.1', '', true, true],
])('TLS of %s', (_, peer, proto, own, isTls) => {
  const headers = new Headers(proto === '' ? {} : { 'x-forwarded-proto': proto })
  expect(new Proxies(TRUSTED, own).clientOf(headers, peer).isTls).toBe(isTls)
})

test('a peer that names somebody else and is not trusted is told of once', () => {
  const told: string[] = []
  const proxies = new Proxies(TRUSTED, false, (peer) => told.push(peer))
  const forwarded = new Headers({ 'x-forwarded-for': '198.51.100.1' })
  for (const peer of ['203.0.113.9', '203.0.113.9', '127.0.0.1', '203.0.113.10']) proxies.clientOf(forwarded, peer)
  proxies.clientOf(new Headers(), '203.0.113.11')
  expect(told).toEqual(['203.0.113.9', '203.0.113.10'])
})

/**
 * What one core of Redis does for the relay: `bun test/bench/scale-redis.ts`. Ten seconds; needs `redis-server` and
 * `redis-cli`, listens on a socket in a directory of its own, and leaves nothing behind. The figures M-R of scale-inputs.ts.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const directory = mkdtempSync(join(tmpdir(), 'parley-scale-'))
const path = join(directory, 'redis')
const options = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no', '--dir', directory]
const server = Bun.spawn(['redis-server', ...options], { stdout: 'ignore', stderr: 'ignore' })

interface Client {
  send(...command: string[]): void
  /** Until so many bytes have come since the last time. */
  heard(bytes: number): Promise<void>
  close(): void
}

async function client(): Promise<Client> {
  const socket = connect(path)
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  let [come, used] = [0, 0]
  let wake = () => {}
  socket.on('data', (bytes) => {
    come += bytes.length
    wake()
  })
  return {
    send: (...command) => {
      socket.write(`*${command.length}\r\n${command.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`)
    },
    async heard(bytes) {
      while (come - used < bytes) {
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        await promise
      }
      used = come
    },
    close: () => socket.destroy(),
  }
}

function usage() {
  const info = Bun.spawnSync(['redis-cli', '-s', path, 'info']).stdout.toString()
  const value = (name: string) => Number(info.match(new RegExp(`^${name}:(.*)`, 'm'))?.[1])
  return { cpu: value('used_cpu_user') + value('used_cpu_sys'), bytes: value('used_memory') }
}

async function measure(name: string, count: number, work: () => Promise<void>) {
  const before = usage()
  await work()
  const after = usage()
  const micros = ((after.cpu - before.cpu) * 1e6) / count
  console.log(`${name}: ${micros.toFixed(2)} µs, ${Math.round((after.bytes - before.bytes) / count)} bytes each`)
}

/** Fifty commands at a time, each of which is answered by so many bytes. */
async function repeat(by: Client, count: number, answer: number, command: (at: number) => string[]) {
  for (let from = 0; from < count; from += 50) {
    for (let at = from; at < from + 50; at += 1) by.send(...command(at))
    await by.heard(answer * 50)
  }
}

const channel = (at: number) => `parley:abcdefghijkl:room:${10_000_000 + at}`
const person = (at: number) => `0193f3a2-7b1c-7000-8000-${String(at % 40_000).padStart(12, '0')}`
const CHANNELS = 200_000
const COUNT = 100_000

async function main() {
  const [subscriber, publisher] = [await client(), await client()]
  await measure('SUBSCRIBE, a channel of 500 in a command', CHANNELS, async () => {
    for (let from = 0; from < CHANNELS; from += 500) {
      subscriber.send('SUBSCRIBE', ...Array.from({ length: 500 }, (_, at) => channel(from + at)))
      await subscriber.heard(500 * 60)
    }
  })
  const hint = 'x'.repeat(560)
  await measure('PUBLISH of 560 bytes, nobody hears', COUNT, () =>
    repeat(publisher, COUNT, 4, (at) => ['PUBLISH', `nobody:${at}`, hint]),
  )
  await measure('PUBLISH of 560 bytes, one hears', COUNT, () =>
    repeat(publisher, COUNT, 4, (at) => ['PUBLISH', channel(at), hint]),
  )
  await measure('HSET of a field', 40_000, () =>
    repeat(publisher, 40_000, 4, (at) => ['HSET', 'people', person(at), '1']),
  )
  await measure('HMGET of a field', COUNT, () => repeat(publisher, COUNT, 11, (at) => ['HMGET', 'people', person(at)]))
  await measure('a subscriber goes, a channel', CHANNELS, async () => {
    subscriber.close()
    await Bun.sleep(1000)
  })
  publisher.close()
}

try {
  for (let tries = 0; tries < 100 && Bun.spawnSync(['redis-cli', '-s', path, 'ping']).exitCode !== 0; tries += 1) {
    await Bun.sleep(50)
  }
  await main()
} finally {
  server.kill()
  await server.exited
  rmSync(directory, { recursive: true })
}

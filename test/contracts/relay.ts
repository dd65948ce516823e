import { describe, expect, test } from 'bun:test'
import { nodeChannel } from '../../src/relay/relay.ts'
import { until } from '../support/redis.ts'
import type { Member } from '../support/relay.ts'

export interface TestNodes extends AsyncDisposable {
  /** Another node, which hears and is heard. */
  join(): Promise<Member>
}

/** The rules that every relay keeps. */
export function relayContract(name: string, open: () => Promise<TestNodes>) {
  const opened = async () => {
    const nodes = await open()
    const [minji, joon] = [await nodes.join(), await nodes.join()]
    return { nodes, minji, joon, [Symbol.asyncDispose]: () => nodes[Symbol.asyncDispose]() }
  }

  describe(`${name}: channels`, () => {
    test('[RL1] carry words to whoever listens on other nodes, in the order of the sender, and never to the sender', async () => {
      await using all = await opened()
      const { nodes, minji, joon } = all
      const eve = await nodes.join()
      for (const { relay } of [minji, joon, eve]) await relay.listen('room:1')
      for (let at = 0; at < 300; at++) {
        minji.relay.publish('room:1', `m${at}`)
        joon.relay.publish('room:1', `j${at}`)
      }
      for (const member of [minji, joon, eve]) {
        for (const other of [minji, joon])
          if (other !== member) await member.hears(`room:1 ${other === minji ? 'm' : 'j'}299`)
      }
      const of = (sender: string) => Array.from({ length: 300 }, (_, at) => `room:1 ${sender}${at}`)
      const from = ({ heard }: Member, sender: string) => heard.filter((word) => word.startsWith(`room:1 ${sender}`))
      expect(minji.heard).toEqual(of('j'))
      expect(joon.heard).toEqual(of('m'))
      expect(eve.heard).toHaveLength(600)
      for (const sender of ['m', 'j']) expect(from(eve, sender)).toEqual(of(sender))
      expect(eve.lags).toHaveLength(600)
      expect(Math.min(...eve.lags)).toBeGreaterThanOrEqual(0)
    })

    test('[RL2] are heard from when listen() resolves, until ignore(): no word twice, and none of another channel', async () => {
      await using all = await opened()
      const { minji, joon } = all
      for (let at = 0; at < 30; at++) {
        await minji.relay.listen('room:1')
        await minji.relay.listen('room:1')
        joon.relay.publish('room:1', `${at}`)
        joon.relay.publish('room:11', `${at} elsewhere`)
        joon.relay.publish('', `${at} nowhere`)
        await minji.hears(`room:1 ${at}`)
        minji.relay.ignore('room:1')
        const before = minji.heard.length
        joon.relay.publish('room:1', 'while nobody listened')
        await minji.catchUp(joon)
        expect(minji.heard).toHaveLength(before)
      }
      // What was said just before may come just after.
      const heard = minji.heard.filter((word) => !word.endsWith('listened'))
      expect(heard).toEqual(Array.from({ length: 30 }, (_, at) => `room:1 ${at}`))
      minji.relay.ignore('room:1')
      minji.relay.ignore('room:2')
    })

    test('[RL3] may be many, be listened to and ignored all at once, and in whatever order', async () => {
      await using all = await opened()
      const { minji, joon } = all
      const channels = Array.from({ length: 1500 }, (_, at) => `room:${at}`)
      await Promise.all(channels.map((channel) => minji.relay.listen(channel)))
      for (const channel of channels.slice(0, 500)) minji.relay.ignore(channel)
      await Promise.all(channels.slice(0, 100).map((channel) => minji.relay.listen(channel)))
      for (const channel of channels) joon.relay.publish(channel, '1')
      for (const channel of channels) await joon.relay.ask(channel, '2')
      await minji.catchUp(joon)
      const heard = [...channels.slice(0, 100), ...channels.slice(500)]
      await until(() => minji.heard.length >= heard.length * 2)
      expect(minji.heard.sort()).toEqual(heard.flatMap((channel) => [`${channel} 1`, `${channel} 2`]).sort())
    })

    test('[RL4] leave a text as it is', async () => {
      await using all = await opened()
      const { minji, joon } = all
      await minji.relay.listen('user:안녕 {1} \n*')
      const texts = ['', ' ', '\r\n$5\r\n', '\0', '안녕 👋🏽', '{"type":"x"}', 'x'.repeat(300_000)]
      for (const text of texts) joon.relay.publish('user:안녕 {1} \n*', text)
      await until(() => minji.heard.length === texts.length)
      expect(minji.heard).toEqual(texts.map((text) => `user:안녕 {1} \n* ${text}`))
    })

    test('[RL5] are there for each node by its name, which nobody else has: ask() tells whether there is such a node', async () => {
      await using all = await opened()
      const { nodes, minji, joon } = all
      const eve = await nodes.join()
      expect(new Set([minji, joon, eve].map(({ relay }) => relay.node)).size).toBe(3)
      expect(await minji.relay.ask(nodeChannel(joon.relay.node), 'over to you')).toBe(true)
      await joon.hears(`${nodeChannel(joon.relay.node)} over to you`)
      expect(await minji.relay.ask(nodeChannel('nobody'), 'over to you')).toBe(false)
      expect(await minji.relay.ask('room:1', 'anybody?')).toBe(false)
      await joon.relay.listen('room:1')
      expect(await minji.relay.ask('room:1', 'anybody?')).toBe(true)
      await joon.hears('room:1 anybody?')
      expect([minji.heard, eve.heard]).toEqual([[], []])
      expect([minji, joon, eve].map(({ relay, forged }) => [relay.state, forged])).toEqual(Array(3).fill(['up', 0]))
    })

    test('[RL6] are silent for and to a node that has closed, but for what it said before; and nothing can be done to it', async () => {
      await using all = await opened()
      const { nodes, minji, joon } = all
      const eve = await nodes.join()
      for (const { relay } of [minji, joon, eve]) await relay.listen('room:1')
      joon.relay.publish('room:1', 'bye')
      const closed = [joon.relay.close(), joon.relay.close()]
      joon.relay.publish('room:1', 'I am not here')
      joon.relay.post('people', 'joon', '1')
      joon.relay.ignore('room:1')
      await joon.relay.listen('room:2')
      expect(await joon.relay.read('people', ['minji'])).toEqual([[]])
      expect(await joon.relay.ask('room:1', 'I am not here')).toBe(false)
      await Promise.all([...closed, minji.hears('room:1 bye'), eve.hears('room:1 bye')])
      minji.relay.publish('room:1', 'who is there?')
      await eve.hears('room:1 who is there?')
      await until(async () => !(await minji.relay.ask(nodeChannel(joon.relay.node), 'are you there?')))
      expect([minji.heard, joon.heard]).toEqual([['room:1 bye'], []])
    })
  })

  describe(`${name}: boards`, () => {
    const sees = async (member: Member, keys: readonly string[]) => {
      const lists = await member.relay.read('people', keys)
      return lists.map((texts) => texts.sort())
    }
    const untilSees = (member: Member, keys: readonly string[], lists: string[][]) =>
      until(async () => Bun.deepEquals(await sees(member, keys), lists), `sees ${JSON.stringify(lists).slice(0, 200)}`)

    test('[RL7] show what the other nodes have under each key: set, replaced and taken away', async () => {
      await using all = await opened()
      const { nodes, minji, joon } = all
      const keys = ['a', 'b', 'nobody', 'a']
      expect(await minji.relay.read('people', keys)).toEqual([[], [], [], []])
      expect(await minji.relay.read('people', [])).toEqual([])
      joon.relay.post('people', 'a', '1')
      joon.relay.post('people', 'b', '')
      minji.relay.post('people', 'a', 'my own')
      await untilSees(minji, keys, [['1'], [''], [], ['1']])
      await untilSees(joon, keys, [['my own'], [], [], ['my own']])
      const eve = await nodes.join()
      eve.relay.post('people', 'a', '3')
      await untilSees(minji, keys, [['1', '3'], [''], [], ['1', '3']])
      joon.relay.post('people', 'a', '2')
      joon.relay.post('people', 'b', undefined)
      joon.relay.post('people', 'never there', undefined)
      await untilSees(minji, keys, [['2', '3'], [], [], ['2', '3']])
      await untilSees(eve, keys, [['2', 'my own'], [], [], ['2', 'my own']])
      joon.relay.post('people', 'a', undefined)
      await untilSees(minji, keys, [['3'], [], [], ['3']])
      expect(await minji.relay.read('rooms', keys)).toEqual([[], [], [], []])
    })

    test('[RL8] are two, take many entries at once, and leave keys and texts as they are', async () => {
      await using all = await opened()
      const { minji, joon } = all
      const keys = Array.from({ length: 1234 }, (_, at) => `안녕 {${at}} \n*`)
      for (const key of keys) joon.relay.post('rooms', key, `🏕️ ${key}`)
      for (const key of keys) joon.relay.post('people', key, 'x')
      for (const key of keys.slice(1)) joon.relay.post('people', key, undefined)
      await untilSees(
        minji,
        keys,
        keys.map((_, at) => (at === 0 ? ['x'] : [])),
      )
      expect(await minji.relay.read('rooms', keys)).toEqual(keys.map((key) => [`🏕️ ${key}`]))
    })
  })
}

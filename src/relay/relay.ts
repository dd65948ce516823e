/** `alone`: there can be no other node. `away`: what is told meanwhile is lost, and nothing is heard. */
export type RelayState = 'alone' | 'up' | 'away'

/** What a node keeps where the others can read it: who is connected to it, and who is on which room. */
export type Board = 'people' | 'rooms'

/** What is for one node alone, which hears it without asking to. */
export const nodeChannel = (node: string): string => `node:${node}`
export const isNodeChannel = (channel: string): boolean => channel.startsWith('node:')

/** What a relay tells of. */
export interface RelayEvents {
  /** Another node's word, on a channel that this node listens to. */
  onHeard(channel: string, text: string): void
  /** It was away, and hears again from now on. What was said meanwhile was not heard. */
  onBack(): void
  onState(state: RelayState): void
  /** Milliseconds from another node's sending to hearing it, by the clocks of both. */
  onLag(ms: number): void
  /** What keeps it away, or goes wrong: said again and again as long as it does. */
  onTrouble(error: unknown): void
  /** Something came that no node of this cluster has sent. */
  onForged(): void
}

/**
 * How nodes hear of each other. It is a doorbell and no post office: whatever it carries may be lost, and is looked up in
 * the database then. Only `ask` and `read` wait for it; nothing else fails or waits when it is away.
 */
export interface Relay {
  /** The name of this node among the others; of this process alone. */
  readonly node: string
  readonly state: RelayState
  /** To be called once, before anything else. */
  attend(events: RelayEvents): void
  /** To whoever listens to the channel on other nodes. */
  publish(channel: string, text: string): void
  /** The same; resolves to whether anybody hears it. What is asked of one node can be read by nobody else. */
  ask(channel: string, text: string): Promise<boolean>
  /** To hear the channel. Resolves when nothing said from then on is missed, and before that where the relay goes away. */
  listen(channel: string): Promise<void> | undefined
  ignore(channel: string): void
  /** Keeps this under the key for as long as this node lives, and half a minute at most after it has died; `undefined` takes it away. */
  post(board: Board, key: string, text: string | undefined): void
  /** What the other nodes have under each of these keys: as many lists as keys; empty ones while the relay is away. */
  read(board: Board, keys: readonly string[]): Promise<string[][]>
  /** Resolves when what was said is on its way, if that does not take long. */
  close(): Promise<void>
}

import { closedLoop, type Line, loadOne, type Scenario } from './scenarios.ts'
import { DEVICES, type SeededRoom } from './seed.ts'
import { startBare, startParley } from './servers.ts'
import type { Workbench } from './workbench.ts'

interface Measured {
  binary: string
  room: SeededRoom
  seconds: number
}

const SENDERS = ['--senders', '4']
const [FEW] = DEVICES
/** The kernel takes some megabytes for whoever does not read: only what comes after them is the server's to hold. */
const LONG = ['--size', '1500']

/** One room of two people with many devices, of which four send; and once more beside a device that stops reading. */
export function overFanout(bench: Workbench, { binary, room, seconds }: Measured): Scenario[] {
  const args = (devices: number) => [...closedLoop(1, devices, seconds), ...SENDERS]
  const scenario = (line: Line, run: () => Promise<Awaited<ReturnType<typeof loadOne>>>): Scenario => ({
    lines: [line],
    run: async () => [await run()],
    rounds: 2,
  })
  const inRoom = (devices: number) => [...args(devices), '--lines', room.devices.get(devices) ?? '']
  const onParley = async (load: string[]) => loadOne(bench, await startParley(bench, binary, room), [load])
  const pair = (devices: number, letter: string): Scenario[] => [
    scenario(lineOf(devices, letter, 'bare'), async () => loadOne(bench, await startBare(bench), [args(devices)])),
    scenario(lineOf(devices, letter, 'parley'), () => onParley(inRoom(devices))),
  ]
  const slow = { part: 'fanout', base: 'long100' } as const
  return [
    ...DEVICES.flatMap((devices, at) => pair(devices, at === 0 ? 'B' : 'F')),
    scenario({ ...slow, name: 'long100', title: 'B  Parley, long texts' }, () => onParley([...inRoom(FEW), ...LONG])),
    scenario({ ...slow, name: 'slow', title: 'the same, one more stops reading' }, () =>
      onParley([...inRoom(FEW), ...LONG, '--slow']),
    ),
  ]
}

const lineOf = (devices: number, letter: string, who: 'bare' | 'parley'): Line => ({
  part: 'fanout',
  name: `${who}${devices}`,
  title: `${letter}  ${who === 'bare' ? 'bare Bun' : 'Parley'}, ${devices} sockets`,
  base: `bare${devices}`,
})

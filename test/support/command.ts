import { PROGRAM } from './server.ts'

interface Surroundings {
  dataDir: string
  /** What it finds on its standard input. */
  input?: string
}

export interface Ended {
  out: string
  err: string
  code: number
}

/** A command of the real program, until it has ended. Of this environment it gets PATH alone. */
export async function runCommand(args: string[], { dataDir, input = '' }: Surroundings): Promise<Ended> {
  const child = Bun.spawn([...PROGRAM, ...args, '--data-dir', dataDir], {
    env: { PATH: process.env.PATH ?? '' },
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}

import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'

/** A line of standard input: never from argv, which other programs of the machine can see. */
export async function readSecret(question: string): Promise<string> {
  const isTerminal = process.stdin.isTTY === true
  if (isTerminal) process.stderr.write(question)
  // readline takes what is typed off the terminal, and echoes it to where nobody sees it.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: isTerminal })
  try {
    const line = await new Promise<string>((resolve) => {
      lines.once('line', resolve)
      lines.once('close', () => resolve(''))
    })
    return line
  } finally {
    lines.close()
    if (isTerminal) process.stderr.write('\n')
  }
}

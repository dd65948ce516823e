import { createInterface } from 'node:readline'
import { CommandError } from './help.ts'

const [INTERRUPT, END, ENTER, NEWLINE, BACKSPACE, DELETE] = ['\u0003', '\u0004', '\r', '\n', '\b', '\u007f']

/** A line of standard input: never from argv, which other programs of the machine can see. */
export async function readSecret(question: string): Promise<string> {
  if (process.stdin.isTTY) return typed(question)
  for await (const line of createInterface({ input: process.stdin })) return line
  return ''
}

/** A terminal shows what is typed unless it is told not to; then it also leaves the keys of a line to whoever reads it. */
async function typed(question: string): Promise<string> {
  // Before the question: whoever is asked may be quick.
  process.stdin.setRawMode(true)
  process.stdin.setEncoding('utf8')
  process.stderr.write(question)
  try {
    let line = ''
    for await (const chunk of process.stdin) {
      for (const letter of String(chunk)) {
        if (letter === ENTER || letter === NEWLINE || letter === END) return line
        if (letter === INTERRUPT) throw new CommandError('nothing was changed.')
        const isErasing = letter === BACKSPACE || letter === DELETE
        line = isErasing ? [...line].slice(0, -1).join('') : line + letter
      }
    }
    return line
  } finally {
    process.stdin.setRawMode(false)
    process.stderr.write('\n')
  }
}

/** The server can't start, and a restart won't mend it. The message says what to do next. */
export class StartError extends Error {
  override readonly name = 'StartError'
}

/** What a person would not read in a line: the process is known. */
const LEFT_OUT = 'pid,hostname'

/** Where the log goes: to a terminal as lines for people, to anything else as JSON. */
export async function logStream (stderr: NodeJS.WriteStream): Promise<{ write (line: string): void }> {
  if (!stderr.isTTY) return stderr
  const { default: pretty } = await import('pino-pretty')
  return pretty({ destination: stderr, colorize: stderr.hasColors(), singleLine: true, ignore: LEFT_OUT, translateTime: 'SYS:HH:MM:ss.l' })
}

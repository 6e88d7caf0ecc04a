/** What a person would not read in a line: the process is known, and a request stands in the message. */
const LEFT_OUT = 'pid,hostname,req,res,responseTime'

export interface LogStream {
  write (line: string): void
}

/** Where the log goes: to a terminal as lines for people, to anything else as JSON. */
export async function logStream (stderr: NodeJS.WriteStream): Promise<LogStream> {
  if (!stderr.isTTY) return together(stderr)
  const { default: pretty } = await import('pino-pretty')
  return pretty({ destination: stderr, colorize: stderr.hasColors(), singleLine: true, ignore: LEFT_OUT, translateTime: 'SYS:HH:MM:ss.l', messageFormat: withRequest })
}

/** The message with the request that it is about, if any, in place of the objects that a line of JSON has of it. */
function withRequest (log: Record<string, unknown>, messageKey: string): string {
  const { req, res, responseTime } = log as { req?: { method?: string, url?: string }, res?: { statusCode?: number }, responseTime?: number }
  return [
    log[messageKey],
    req?.method, req?.url,
    res?.statusCode,
    responseTime === undefined ? undefined : responseTime < 1 ? '< 1 ms' : `${Math.round(responseTime)} ms`
  ].filter(part => part !== undefined).join(' ')
}

/** Lines of one turn of the event loop go out at once: to a file or a pipe, each write is a system call that is waited for. */
export function together (stream: LogStream): LogStream {
  let lines = ''
  const flush = (): void => {
    const text = lines
    lines = ''
    if (text !== '') stream.write(text)
  }
  // What ends the process may be in the last of them.
  process.on('exit', flush)
  return {
    write (line) {
      if (lines === '') setImmediate(flush)
      lines += line
    }
  }
}

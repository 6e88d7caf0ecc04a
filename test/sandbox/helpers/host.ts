import { createSocket } from 'node:dgram'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'

/** What of the host an attempt may try to reach. */
export interface HostCanaries {
  tcpPort: number
  udpPort: number
  socketPath: string
  abstractName: string
  folder: string
  secretPath: string
  pid: number
  hostname: string
  /** A folder that the process itself may read. */
  readable: string
}

export interface Host {
  canaries: Omit<HostCanaries, 'readable'>
  /** How often something has got in touch. */
  contacts: () => number
  close (): void
}

/** Things to reach: sockets, a secret in a file, files that everybody may change. */
export async function startHost (): Promise<Host> {
  let contacts = 0
  const count = (): void => { contacts++ }
  const folder = mkdtempSync(join(tmpdir(), 'canary-'))
  chmodSync(folder, 0o777)
  for (const name of ['secret', 'movable', 'removable']) {
    writeFileSync(join(folder, name), 'secret')
    chmodSync(join(folder, name), 0o666)
  }
  const abstractName = `canary-${process.pid}`
  const tcp = createServer(socket => { count(); socket.destroy() }).listen(0, '127.0.0.1')
  const file = createServer(count).listen(join(folder, 'socket'))
  const servers = [tcp, file, ...process.platform === 'linux' ? [createServer(count).listen(`\0${abstractName}`)] : []]
  const udp = createSocket('udp4').on('message', count)
  udp.bind(0, '127.0.0.1')
  await Promise.all([...servers, udp].map(async server => await new Promise<void>(resolve => { server.once('listening', () => resolve()) })))
  return {
    canaries: { tcpPort: (tcp.address() as AddressInfo).port, udpPort: udp.address().port, socketPath: join(folder, 'socket'), abstractName, folder, secretPath: join(folder, 'secret'), pid: process.pid, hostname: hostname() },
    contacts: () => contacts,
    close () {
      for (const server of servers) server.close()
      udp.close()
      rmSync(folder, { recursive: true })
    }
  }
}

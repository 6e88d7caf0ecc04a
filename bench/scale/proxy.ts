/** Spreads connections over servers in turn, as a load balancer without sticky sessions does. Its arguments are their URLs. */
import { connect, createServer, type AddressInfo } from 'node:net'

const targets = process.argv.slice(2).map(url => new URL(url))
let next = 0

const server = createServer({ noDelay: true }, client => {
  const { hostname, port } = targets[next++ % targets.length]!
  const upstream = connect({ host: hostname, port: Number(port), noDelay: true })
  client.pipe(upstream).pipe(client)
  for (const [socket, other] of [[client, upstream], [upstream, client]] as const) socket.on('error', () => other.destroy())
})
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))

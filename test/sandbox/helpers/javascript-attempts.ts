import type { HostCanaries } from './host.js'

export type JavaScriptAttempt = (host: HostCanaries) => unknown

/** A module of Node, as it is when the attempt is made. */
const node = async (name: string): Promise<any> => {
  const { default: module } = await import(`node:${name}`) as { default: unknown }
  return module
}
const own = process as unknown as Record<string, any>
const constructed = (of: unknown, code: string): any => (of as any).constructor(code)
const within = async <T>(work: Promise<T>): Promise<T | undefined> => await Promise.race([work, new Promise<undefined>(resolve => setTimeout(() => resolve(undefined), 1000))])
/** Whether an emitter says `name` before it fails. */
const says = async (emitter: any, name: string): Promise<boolean> => (await within(new Promise<boolean>(resolve => {
  emitter.once(name, () => resolve(true))
  emitter.once('error', () => resolve(false))
}))) ?? false
/** A file of the host through WASI, which opens files by itself: a module with nothing but a memory is all that it takes. */
const wasiReads = async ({ folder }: HostCanaries): Promise<boolean> => {
  const { WASI } = await node('wasi')
  const wasi = new WASI({ version: 'preview1', preopens: { '/host': folder } })
  const { Module, Instance } = (globalThis as any).WebAssembly
  const bytes = Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 1, 7, 10, 1, 6, 109, 101, 109, 111, 114, 121, 2, 0])
  const instance = new Instance(new Module(bytes), {})
  wasi.initialize(instance)
  const memory = Buffer.from(instance.exports.memory.buffer)
  memory.write('secret', 100)
  if (wasi.wasiImport.path_open(3, 0, 100, 6, 0, 2n, 0n, 0, 200) !== 0) return false
  memory.writeUInt32LE(300, 220)
  memory.writeUInt32LE(100, 224)
  wasi.wasiImport.fd_read(memory.readUInt32LE(200), 220, 1, 228)
  return memory.toString('latin1', 300, 306) === 'secret'
}

/** By name: true when the attempt has come through; what throws has not. Contacts with the host count as well. */
export const JAVASCRIPT_ATTEMPTS: Readonly<Record<string, JavaScriptAttempt>> = {
  // code made from strings
  'a function by its constructor': () => constructed(() => {}, 'return 7')() === 7,
  'an async function by its constructor': async () => await constructed(async () => {}, 'return 7')() === 7,
  'a generator by its constructor': () => constructed(function * () {}, 'yield 7')().next().value === 7,
  'an async generator by its constructor': async () => (await constructed(async function * () {}, 'yield 7')().next()).value === 7,
  'a function by the constructor of a class': () => constructed(class {}, 'return 7')() === 7,
  'a function by the constructor of a native one': () => constructed(Math.max, 'return 7')() === 7,
  'a function by Reflect.construct': () => (Reflect.construct((() => {}).constructor, ['return 7']) as any)() === 7,
  'eval of the global object': () => (globalThis as any)['eval']('7') === 7,
  'code by node:vm': async () => (await node('vm')).runInThisContext('7') === 7,
  'a script of node:vm': async () => new (await node('vm')).Script('7').runInThisContext() === 7,
  'a function compiled by node:vm': async () => (await node('vm')).compileFunction('return 7')() === 7,
  'code in a context of its own': async () => (await node('vm')).runInNewContext('7') === 7,
  'code by the debugger': async () => {
    const session = new (await node('inspector')).Session()
    session.connect()
    return await within(new Promise(resolve => session.post('Runtime.evaluate', { expression: '7' }, (error: unknown, found: any) => resolve(error === null && found.result.value === 7))))
  },
  'code by node:repl': async () => {
    const repl = await node('repl')
    return await within(new Promise(resolve => repl.start({ input: null }).eval('7', {}, '', (error: unknown) => resolve(error === null))))
  },
  'a module compiled from text': async () => new (await node('module'))('x')._compile('module.exports = 7', '/x.js') !== undefined,
  // files
  'a file by readFileSync': async ({ secretPath }) => (await node('fs')).readFileSync(secretPath, 'utf8') === 'secret',
  'a file by promises': async ({ secretPath }) => await (await node('fs')).promises.readFile(secretPath, 'utf8') === 'secret',
  'a file by a stream': async ({ secretPath }) => await says((await node('fs')).createReadStream(secretPath), 'data'),
  'a file by its descriptor': async ({ secretPath }) => (await node('fs')).openSync(secretPath) > 0,
  'a file by a handle': async ({ secretPath }) => (await (await node('fs')).promises.open(secretPath)).fd > 0,
  'a file by a Buffer': async ({ secretPath }) => (await node('fs')).readFileSync(Buffer.from(secretPath), 'utf8') === 'secret',
  'a file by a URL': async ({ secretPath }) => (await node('fs')).readFileSync(new URL(`file://${secretPath}`), 'utf8') === 'secret',
  'a file by ..': async ({ secretPath, readable }) => (await node('fs')).readFileSync(`${readable}/../../../../../../../../../..${secretPath}`, 'utf8') === 'secret',
  'a file by .. in a Buffer': async ({ secretPath, readable }) => (await node('fs')).readFileSync(Buffer.from(`${readable}/../../../../../../../../../..${secretPath}`), 'utf8') === 'secret',
  'a file by /proc/self/root': async ({ secretPath }) => (await node('fs')).readFileSync(`/proc/self/root${secretPath}`, 'utf8') === 'secret',
  'a file by a Blob': async ({ secretPath }) => await (await (await node('fs')).openAsBlob(secretPath)).text() === 'secret',
  'a file by a copy': async ({ secretPath, folder }) => (await node('fs')).copyFileSync(secretPath, `${folder}/copy`) === undefined,
  'a file as a module': async ({ secretPath }) => await import(`file://${secretPath}`) !== undefined,
  'a file by require': async ({ secretPath }) => (await node('module')).createRequire('/')(secretPath) !== undefined,
  'a file through WASI': wasiReads,
  'the password file': async () => (await node('fs')).readFileSync('/etc/passwd').length > 0,
  'a folder by readdirSync': async ({ folder }) => (await node('fs')).readdirSync(folder).length > 0,
  'a folder by opendirSync': async ({ folder }) => (await node('fs')).opendirSync(folder).readSync() !== null,
  'a folder by glob': async ({ folder }) => (await node('fs')).globSync(`${folder}/*`).length > 0,
  'what a path is': async ({ secretPath }) => (await node('fs')).statSync(secretPath).size === 6,
  'where a link leads': async () => (await node('fs')).readlinkSync('/proc/self/exe') !== '',
  'to watch a folder': async ({ folder }) => (await node('fs')).watch(folder) !== undefined,
  'to write a file': async ({ folder }) => (await node('fs')).writeFileSync(`${folder}/written`, 'x') === undefined,
  'to append to a file': async ({ secretPath }) => (await node('fs')).appendFileSync(secretPath, '') === undefined,
  'to make a folder': async ({ folder }) => (await node('fs')).mkdirSync(`${folder}/made`) === undefined,
  'to make a folder for a while': async ({ folder }) => (await node('fs')).mkdtempSync(`${folder}/made`) !== '',
  'to link to a file': async ({ secretPath, folder }) => (await node('fs')).symlinkSync(secretPath, `${folder}/link`) === undefined,
  'another name for a file': async ({ secretPath, folder }) => (await node('fs')).linkSync(secretPath, `${folder}/name`) === undefined,
  'to move a file': async ({ folder }) => (await node('fs')).renameSync(`${folder}/movable`, `${folder}/moved`) === undefined,
  'to remove a file': async ({ folder }) => (await node('fs')).unlinkSync(`${folder}/removable`) === undefined,
  'to change who may read a file': async ({ secretPath }) => (await node('fs')).chmodSync(secretPath, 0o666) === undefined,
  'to change the times of a file': async ({ secretPath }) => (await node('fs')).utimesSync(secretPath, 0, 0) === undefined,
  // the network
  'tcp by connect': async ({ tcpPort }) => await says((await node('net')).connect(tcpPort, '127.0.0.1'), 'connect'),
  'tcp by a socket': async ({ tcpPort }) => await says(new (await node('net')).Socket().connect(tcpPort, '127.0.0.1'), 'connect'),
  'a socket of the host by its file': async ({ socketPath }) => await says((await node('net')).connect(socketPath), 'connect'),
  'an abstract socket of the host': async ({ abstractName }) => await says((await node('net')).connect(`\0${abstractName}`), 'connect'),
  'to listen': async () => await says((await node('net')).createServer().listen(0, '127.0.0.1'), 'listening'),
  'to listen by another constructor': async () => await says(new (await node('net')).Server().listen(0, '127.0.0.1'), 'listening'),
  'a handle of the lowest level': async ({ tcpPort }) => typeof (await node('net'))._createServerHandle('127.0.0.1', tcpPort + 1, 4) === 'object',
  udp: async ({ udpPort }) => {
    const socket = (await node('dgram')).createSocket('udp4')
    return await within(new Promise(resolve => socket.send('x', udpPort, '127.0.0.1', (error: unknown) => resolve(error === null))))
  },
  'a request by http': async ({ tcpPort }) => await says((await node('http')).get(`http://127.0.0.1:${tcpPort}/`), 'response'),
  'a request by https': async ({ tcpPort }) => await says((await node('https')).get(`https://127.0.0.1:${tcpPort}/`), 'response'),
  'a request by http2': async ({ tcpPort }) => await says((await node('http2')).connect(`http://127.0.0.1:${tcpPort}`), 'connect'),
  'a connection by tls': async ({ tcpPort }) => await says((await node('tls')).connect(tcpPort, '127.0.0.1'), 'connect'),
  'a request by fetch': async ({ tcpPort }) => (await (globalThis as any).fetch(`http://127.0.0.1:${tcpPort}/`)).status > 0,
  'a web socket': async ({ tcpPort }) => new (globalThis as any).WebSocket(`ws://127.0.0.1:${tcpPort}/`) !== undefined,
  'a name by lookup': async () => {
    const dns = await node('dns')
    return await within(new Promise(resolve => dns.lookup('localhost', (error: unknown) => resolve(error === null))))
  },
  'a question to a name server of its choice': async ({ udpPort }) => {
    const resolver = new (await node('dns')).Resolver({ timeout: 200, tries: 1 })
    resolver.setServers([`127.0.0.1:${udpPort}`])
    return await within(new Promise(resolve => resolver.resolve4('secret.example', (error: any) => resolve(error?.code !== undefined && error.code !== 'ERR_ACCESS_DENIED'))))
  },
  'the same by promises': async ({ udpPort }) => {
    const resolver = new (await node('dns')).promises.Resolver({ timeout: 200, tries: 1 })
    resolver.setServers([`127.0.0.1:${udpPort}`])
    return await within(resolver.resolve4('secret.example').then(() => true, (error: any) => error?.code === 'ETIMEOUT'))
  },
  'the addresses of the host': async () => Object.keys((await node('os')).networkInterfaces()).length > 0,
  // processes
  'a program by spawn': async () => await says((await node('child_process')).spawn('/bin/true'), 'exit'),
  'a program by spawnSync': async () => (await node('child_process')).spawnSync('/bin/true').status === 0,
  'a program by exec': async () => await says((await node('child_process')).exec('true'), 'exit'),
  'a program by execFile': async () => await says((await node('child_process')).execFile('/bin/true'), 'exit'),
  'a program by fork': async ({ readable }) => await says((await node('child_process')).fork(`${readable}/x.js`), 'exit'),
  'a program by its class': async () => new (await node('child_process')).ChildProcess().spawn({ file: '/bin/true', args: ['true'], stdio: [] }) === 0,
  'a worker of a cluster': async () => (await node('cluster')).fork() !== undefined,
  'a thread': async () => await says(new (await node('worker_threads')).Worker('', { eval: true }), 'exit'),
  'a thread of a URL': async () => await says(new (await node('worker_threads')).Worker(new URL('data:text/javascript,1')), 'exit'),
  'tests in a process': async ({ readable }) => await says((await node('test')).run({ files: [`${readable}/x.js`] }), 'test:pass'),
  'a signal to the server': ({ pid }) => own.kill(pid, 0) === true,
  'a signal of the lowest level': ({ pid }) => own._kill(pid, 0) === 0,
  'the debugger of the server': ({ pid }) => own._debugProcess(pid) === undefined,
  'the priority of the server': async ({ pid }) => (await node('os')).setPriority(pid, 19) === undefined,
  // Node's own ways down
  'a binding of node': () => own.binding('tcp_wrap') !== undefined && Object.keys(own.binding('tcp_wrap')).length > 0,
  'a linked binding': () => own._linkedBinding('tcp_wrap') !== undefined,
  'a library by dlopen': () => own.dlopen({ exports: {} }, '/usr/lib/x86_64-linux-gnu/libc.so.6') === undefined,
  'an addon by require': async () => (await node('module')).createRequire('/')('/x.node') !== undefined,
  'modules by process': () => own.getBuiltinModule('fs') !== undefined,
  'the module that began': () => own.mainModule.require('fs') !== undefined,
  'the environment': () => own.env.CANARY === 'secret',
  'the environment by a report': () => JSON.stringify(own.report.getReport()).includes('secret'),
  'a report in a file': ({ folder }) => own.report.writeReport(`${folder}/report`) !== '',
  'a picture of the heap': async ({ folder }) => (await node('v8')).writeHeapSnapshot(`${folder}/heap`) !== '',
  'a flag of V8 that allows code from strings': async () => (await node('v8')).setFlagsFromString('--allow-natives-syntax') === undefined,
  'a trace in a file': async () => (await node('trace_events')).createTracing({ categories: ['node'] }).enable() === undefined,
  'a debugger that listens': async () => {
    const inspector = await node('inspector')
    inspector.open(0, '127.0.0.1')
    return inspector.url() !== undefined
  },
  'another user': () => own.setuid(0) === undefined,
  'another folder': () => own.chdir('/tmp') === undefined,
  'variables from a file': ({ secretPath }) => own.loadEnvFile(secretPath) === undefined,
  'a database in a file': async ({ folder }) => new (await node('sqlite')).DatabaseSync(`${folder}/database`) !== undefined
}

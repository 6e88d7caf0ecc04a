import dgram from 'node:dgram'
import dns from 'node:dns'
import fs from 'node:fs'
import net from 'node:net'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import traces from 'node:trace_events'
import v8 from 'node:v8'
import vm from 'node:vm'

type Unsafe = Record<string, any>

const GLOBALS = ['process', 'require', 'module', 'fetch', 'WebSocket', 'EventSource', 'XMLHttpRequest', 'Worker', 'MessageChannel', 'BroadcastChannel', 'Request', 'Response',
  'Headers', 'FormData', 'navigator', 'crypto', 'global', 'eval', 'Function']
const PROCESS_FUNCTIONS = ['_kill', 'kill', '_debugProcess', '_debugEnd', '_debugPause', 'dlopen', 'binding', '_linkedBinding', 'getBuiltinModule', 'chdir', 'setuid', 'setgid', 'seteuid', 'setegid',
  'setgroups', 'initgroups', 'umask', '_rawDebug', '_startProfilerIdleNotifier', '_stopProfilerIdleNotifier', 'abort', 'openStdin', '_getActiveHandles', '_getActiveRequests', 'loadEnvFile']
const PROCESS_VALUES = ['argv', 'execArgv', 'argv0', 'title', 'report', 'mainModule', 'config', 'versions', 'release', 'execPath']

/**
 * A second wall behind Node's permission model, for code that has reached JavaScript all the same: seals, at the lowest place that
 * JavaScript can reach, the ways to the network, to other processes and to code made from strings. No way back.
 */
export function lockDown (): void {
  sealNetwork()
  for (const name of ['setPriority', 'getPriority', 'networkInterfaces', 'userInfo', 'hostname']) seal(os, [name])
  seal(vm, ['runInThisContext', 'runInNewContext', 'runInContext', 'compileFunction', 'createContext', 'Script', 'SourceTextModule'])
  seal(v8, ['setFlagsFromString', 'writeHeapSnapshot', 'getHeapSnapshot', 'takeCoverage', 'stopCoverage'])
  // They are written by a thread that no permission holds.
  seal(traces, ['createTracing'])
  // Descriptors that are open are all that is needed from here on.
  seal(fs, ['open', 'openSync', 'openAsBlob', 'fchmod', 'fchmodSync', 'fchown', 'fchownSync', 'futimes', 'futimesSync', 'ftruncate', 'ftruncateSync'])
  // Without it, `import('node:os')` still has the old functions.
  syncBuiltinESMExports()
  const own = process as unknown as Unsafe
  seal(own, PROCESS_FUNCTIONS)
  freeze(own, 'env', Object.freeze(Object.create(null) as object))
  for (const name of PROCESS_VALUES) freeze(own, name, undefined)
  for (const name of GLOBALS) Reflect.deleteProperty(globalThis, name)
  // Stack frames would lead to other functions and their arguments.
  freeze(Error as unknown as Unsafe, 'prepareStackTrace', undefined)
}

function sealNetwork (): void {
  const { _createServerHandle: createServerHandle } = net as unknown as Unsafe
  const tcp = createServerHandle('127.0.0.1', 0, 4)
  if (typeof tcp === 'object') {
    const { prototype } = tcp.constructor
    tcp.close()
    seal(prototype, ['bind', 'bind6', 'listen', 'connect', 'connect6', 'open'])
  }
  const { _createSocketHandle: createSocketHandle } = dgram as unknown as Unsafe
  const udp = createSocketHandle?.(null, null, 'udp4')
  if (typeof udp === 'object') seal(udp.constructor.prototype, ['bind', 'bind6', 'send', 'send6', 'connect', 'connect6', 'open', 'addMembership', 'addSourceSpecificMembership'])
  // c-ares opens sockets of its own, and a resolver can be pointed at any address.
  const channel = (new dns.Resolver() as unknown as Unsafe)._handle?.constructor
  if (channel !== undefined) seal(channel.prototype, functionsOf(channel.prototype))
  for (const holder of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) seal(holder, functionsOf(holder))
  seal(net.Server.prototype, ['listen'])
  seal(net.Socket.prototype, ['connect'])
  seal(dgram as object, ['createSocket', 'Socket', '_createSocketHandle'])
  seal(net as object, ['_createServerHandle', 'connect', 'createConnection', 'createServer'])
}

const functionsOf = (holder: object): string[] => Object.getOwnPropertyNames(holder)
  .filter(name => name !== 'constructor' && typeof Object.getOwnPropertyDescriptor(holder, name)?.value === 'function')

function seal (holder: object, names: readonly string[]): void {
  for (const name of names) freeze(holder as Unsafe, name, function () { throw new Error(`not allowed: ${name}`) })
}

function freeze (holder: Unsafe, name: string, value: unknown): void {
  try {
    Object.defineProperty(holder, name, { value, writable: false, configurable: false, enumerable: false })
  } catch {
    // Node has made it final itself.
  }
}

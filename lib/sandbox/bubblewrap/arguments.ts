import { existsSync, lstatSync, readlinkSync } from 'node:fs'
import { DATA_FOLDER, type SandboxLimits } from '../sandbox.js'

/** Files and folders of the host that programs need and that hold no secrets, where they exist. */
const READABLE = ['/etc/ld.so.cache', '/etc/fonts', '/var/cache/fontconfig', '/etc/matplotlibrc', '/etc/alternatives', '/etc/localtime', '/etc/mime.types']
const ROOT_FOLDERS = ['/bin', '/sbin', '/lib', '/lib64', '/lib32']
/** What the host's kernel says of itself and its keys. */
const HIDDEN = ['/proc/keys', '/proc/key-users', '/proc/kallsyms', '/proc/timer_list', '/proc/cmdline', '/proc/modules']
const SHM_BYTES = 16 * 1024 ** 2
/** The user inside: nobody. */
export const NOBODY = 65534

/** The file descriptors that are handed to bubblewrap. */
export const FD = { control: 3, filter: 4, info: 5 } as const

/** What tests take away to see that it matters. */
export type Wall = 'filter' | 'uid' | 'proc-sys' | 'network' | 'readonly-dev' | 'environment'

export interface BubblewrapArguments {
  limits: SandboxLimits
  /** The interpreter's path. */
  python: string
  /** More folders of the host that code may read. */
  readable: readonly string[]
  environment: Readonly<Record<string, string>>
  without?: ReadonlySet<Wall>
  /** The descriptors of the filter and of what bubblewrap tells. Default: those of `FD`. */
  fds?: { filter: number, info: number }
}

/** The arguments of `bwrap`, up to the command. */
export function bubblewrapArguments ({ limits, python, readable, environment, without = new Set(), fds = FD }: BubblewrapArguments): string[] {
  const tmpfs = (path: string, bytes: number): string[] => ['--size', String(bytes), '--tmpfs', path]
  const args = [
    '--unshare-user', '--unshare-ipc', '--unshare-pid', '--unshare-uts', '--unshare-cgroup-try',
    ...without.has('network') ? [] : ['--unshare-net'],
    '--disable-userns', '--die-with-parent', '--new-session',
    '--uid', String(NOBODY), '--gid', String(NOBODY), '--hostname', 'sandbox', '--cap-drop', 'ALL',
    ...without.has('environment') ? [] : ['--clearenv'],
    '--ro-bind', '/usr', '/usr'
  ]
  for (const folder of ROOT_FOLDERS) {
    if (!existsSync(folder)) continue
    if (lstatSync(folder).isSymbolicLink()) args.push('--symlink', readlinkSync(folder), folder)
    else args.push('--ro-bind', folder, folder)
  }
  // Local software is the operator's own affair, unless Python itself is part of it.
  if (!python.startsWith('/usr/local/') && existsSync('/usr/local')) args.push('--tmpfs', '/usr/local', '--remount-ro', '/usr/local')
  args.push('--proc', '/proc', '--dev', '/dev', ...tmpfs('/tmp', limits.tmpBytes), ...tmpfs(DATA_FOLDER, limits.dataBytes), ...tmpfs('/dev/shm', SHM_BYTES))
  // Behind the folders in memory, so that what is readable can be below /tmp.
  for (const path of [...READABLE, ...readable]) if (existsSync(path)) args.push('--ro-bind', path, path)
  // The user inside may be the one who owns /proc/sys outside: there no mode protects it.
  if (!without.has('proc-sys')) args.push('--tmpfs', '/proc/sys', '--remount-ro', '/proc/sys')
  for (const path of HIDDEN) if (existsSync(path)) args.push('--ro-bind', '/dev/null', path)
  // bubblewrap makes these as file systems in memory, without a bound.
  if (!without.has('readonly-dev')) args.push('--remount-ro', '/dev')
  args.push('--remount-ro', '/')
  for (const [name, value] of Object.entries(environment)) args.push('--setenv', name, value)
  args.push('--chdir', DATA_FOLDER, '--info-fd', String(fds.info))
  if (!without.has('filter')) args.push('--seccomp', String(fds.filter))
  return args
}

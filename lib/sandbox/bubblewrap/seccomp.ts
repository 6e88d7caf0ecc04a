/**
 * The filter of system calls, as a program of classic BPF for seccomp(2). It closes what namespaces leave open: sockets that know no
 * network namespace, other processes' memory, memory that no limit counts, sessions of their own, each of which the scheduler may give a
 * share of the processor, and interfaces of the kernel that have been ways out before.
 * What it refuses fails with EPERM, as it would for want of a privilege, and programs go on.
 */

interface Architecture {
  /** AUDIT_ARCH of seccomp_data.arch (linux/audit.h). */
  audit: number
  clone: number
  clone3: number
  socket: number
  socketpair: number
  ioctl: number
  denied: readonly number[]
}

/** The numbers in a list of names and numbers. */
const numbers = (list: string): number[] => list.trim().split(/,\s+/).map(entry => Number(entry.split(' ')[1]))

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  x64: {
    audit: 0xc000003e,
    clone: 56,
    clone3: 435,
    socket: 41,
    socketpair: 53,
    ioctl: 16,
    denied: numbers(`
      mount 165, umount2 166, pivot_root 155, chroot 161, setns 308, unshare 272, ptrace 101, process_vm_readv 310,
      process_vm_writev 311, kcmp 312, keyctl 250, add_key 248, request_key 249, bpf 321, perf_event_open 298, userfaultfd 323,
      io_uring_setup 425, io_uring_enter 426, io_uring_register 427, kexec_load 246, kexec_file_load 320, init_module 175,
      finit_module 313, delete_module 176, open_by_handle_at 304, name_to_handle_at 303, personality 135, quotactl 179, quotactl_fd 443,
      acct 163, swapon 167, swapoff 168, reboot 169, syslog 103, iopl 172, ioperm 173, modify_ldt 154, uselib 134, lookup_dcookie 212,
      nfsservctl 180, fanotify_init 300, open_tree 428, move_mount 429, fsopen 430, fsconfig 431, fsmount 432, fspick 433,
      mount_setattr 442, pidfd_getfd 438, settimeofday 164, clock_settime 227, adjtimex 159, clock_adjtime 305, sethostname 170,
      setdomainname 171, vhangup 153, mbind 237, set_mempolicy 238, migrate_pages 256, move_pages 279, memfd_create 319,
      memfd_secret 447, vmsplice 278, mknod 133, mknodat 259, shmget 29, shmat 30, semget 64, msgget 68, mq_open 240,
      process_madvise 440, process_mrelease 448, landlock_create_ruleset 444, map_shadow_stack 453, setsid 112
    `)
  },
  arm64: {
    audit: 0xc00000b7,
    clone: 220,
    clone3: 435,
    socket: 198,
    socketpair: 199,
    ioctl: 29,
    denied: numbers(`
      mount 40, umount2 39, pivot_root 41, chroot 51, setns 268, unshare 97, ptrace 117, process_vm_readv 270, process_vm_writev 271,
      kcmp 272, keyctl 219, add_key 217, request_key 218, bpf 280, perf_event_open 241, userfaultfd 282, io_uring_setup 425,
      io_uring_enter 426, io_uring_register 427, kexec_load 104, kexec_file_load 294, init_module 105, finit_module 273,
      delete_module 106, open_by_handle_at 265, name_to_handle_at 264, personality 92, quotactl 60, quotactl_fd 443, acct 89, swapon 224,
      swapoff 225, reboot 142, syslog 116, lookup_dcookie 18, nfsservctl 42, fanotify_init 262, open_tree 428, move_mount 429,
      fsopen 430, fsconfig 431, fsmount 432, fspick 433, mount_setattr 442, pidfd_getfd 438, settimeofday 170, clock_settime 112,
      adjtimex 171, clock_adjtime 266, sethostname 161, setdomainname 162, vhangup 58, mbind 235, set_mempolicy 237, migrate_pages 238,
      move_pages 239, memfd_create 279, memfd_secret 447, vmsplice 75, mknodat 33, shmget 194, shmat 196, semget 190, msgget 186,
      mq_open 180, process_madvise 440, process_mrelease 448, landlock_create_ruleset 444, map_shadow_stack 453, setsid 157
    `)
  }
}

// linux/bpf_common.h and linux/seccomp.h
const LOAD = 0x20
const IF_EQUAL = 0x15
const IF_AT_LEAST = 0x35
const IF_ANY_BIT = 0x45
const RETURN = 0x06
const ALLOW = 0x7fff0000
const KILL = 0x80000000
const failWith = (errno: number): number => 0x00050000 | errno
const EPERM = 1
const ENOSYS = 38
const EAFNOSUPPORT = 97
/** Offsets in struct seccomp_data. */
const NUMBER = 0
const ARCH = 4
const argument = (index: number): number => 16 + 8 * index
/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME. */
const NEW_NAMESPACES = 0x7e020080
/** System calls of x32 on x86-64 have this bit. */
const X32 = 0x40000000
/** AF_UNIX, AF_INET, AF_INET6: those that live in the network namespace, which has nothing but a loopback. */
const FAMILIES = [1, 2, 10]
/** TIOCSTI types into a terminal, TIOCLINUX pastes into one. */
const TERMINAL_REQUESTS = [0x5412, 0x541c]

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number]

const load = (offset: number): Instruction => [LOAD, 0, 0, offset]
const give = (result: number): Instruction => [RETURN, 0, 0, result]

/** Whether there is a filter for the processor. */
export const canFilter = (arch: string = process.arch): boolean => arch in ARCHITECTURES

/** The program. Throws a TypeError for a processor that there is none for. */
export function seccompFilter (arch: string = process.arch): Buffer {
  const calls = ARCHITECTURES[arch]
  if (calls === undefined) throw new TypeError(`There is no filter of system calls for ${arch}.`)
  const program: Instruction[] = [
    // The 32-bit entry has other numbers.
    load(ARCH), [IF_EQUAL, 1, 0, calls.audit], give(KILL),
    load(NUMBER),
    ...arch === 'x64' ? [[IF_AT_LEAST, 0, 1, X32], give(KILL)] as const : [],
    ...calls.denied.flatMap(number => on(number, [give(failWith(EPERM))])),
    // Its flags are in memory, where a filter cannot look; the C library falls back to clone.
    ...on(calls.clone3, [give(failWith(ENOSYS))]),
    ...on(calls.clone, [load(argument(0)), [IF_ANY_BIT, 0, 1, NEW_NAMESPACES], give(failWith(EPERM)), give(ALLOW)]),
    ...[calls.socket, calls.socketpair].flatMap(number => on(number, [load(argument(0)), ...oneOf(FAMILIES, ALLOW), give(failWith(EAFNOSUPPORT))])),
    ...on(calls.ioctl, [load(argument(1)), ...oneOf(TERMINAL_REQUESTS, failWith(EPERM)), give(ALLOW)]),
    give(ALLOW)
  ]
  const bytes = Buffer.alloc(program.length * 8)
  for (const [i, [code, ifTrue, ifFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, i * 8)
    bytes[i * 8 + 2] = ifTrue
    bytes[i * 8 + 3] = ifFalse
    bytes.writeUInt32LE(value >>> 0, i * 8 + 4)
  }
  return bytes
}

/** `body`, which must end in a return, for one system call. The number is loaded. */
function on (number: number, body: readonly Instruction[]): Instruction[] {
  return [[IF_EQUAL, 0, body.length, number], ...body]
}

function oneOf (values: readonly number[], result: number): Instruction[] {
  return values.flatMap(value => [[IF_EQUAL, 0, 1, value], give(result)] as Instruction[])
}

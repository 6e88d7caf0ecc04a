/** What of the host an attempt may try to reach. */
export interface Canaries {
  tcpPort: number
  udpPort: number
  socketPath: string
  abstractName: string
  folder: string
  secretPath: string
  pid: number
  /** A path in another session's /mnt/data. */
  otherFile: string
}

/** Python that stands before every attempt. `call` is a system call by its number on x86-64; -1 is a failure. */
export const PRELUDE = (canaries: Canaries): string => String.raw`
import ctypes, os, signal, socket, struct, subprocess, sys, threading, time, errno
C = __import__('json').loads(${JSON.stringify(JSON.stringify(canaries))})
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    return libc.syscall(ctypes.c_long(number), *[a if isinstance(a, (bytes, ctypes._SimpleCData)) else ctypes.byref(a) if isinstance(a, ctypes.Structure) or isinstance(a, ctypes.Array) else ctypes.c_long(a) for a in args])
def works(number, *args):
    return call(number, *args) >= 0
def read(path):
    with open(path, 'rb') as file: return file.read(4096)
def write(path, data='x'):
    with open(path, 'w') as file: return file.write(data) and file.flush() is None
def connects(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as s:
        s.settimeout(1); s.connect(address); return True
def status(pid='self'):
    return dict(line.split(':', 1) for line in open('/proc/%s/status' % pid).read().splitlines() if ':' in line)
`

/** By name: an expression that is true when the attempt has come through; one that raises has not. */
export const ATTEMPTS: Readonly<Record<string, string>> = {
  // network
  'tcp to the host by loopback': 'connects(socket.AF_INET, ("127.0.0.1", C["tcpPort"]))',
  'tcp to the host by IPv6 loopback': 'connects(socket.AF_INET6, ("::1", C["tcpPort"]))',
  'tcp to any address of the host': 'connects(socket.AF_INET, ("0.0.0.0", C["tcpPort"]))',
  'udp to the host': 'socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", C["udpPort"])) and False or len([l for l in open("/proc/net/route")]) > 1',
  'udp to the internet': 'socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("8.8.8.8", 53))',
  'tcp to the internet': 'connects(socket.AF_INET, ("1.1.1.1", 443))',
  'the metadata address of clouds': 'connects(socket.AF_INET, ("169.254.169.254", 80))',
  'names by DNS': 'socket.getaddrinfo("example.com", 80)',
  'a request by urllib': '__import__("urllib.request").request.urlopen("http://127.0.0.1:%d" % C["tcpPort"], timeout=1)',
  vsock: 'socket.socket(40, socket.SOCK_STREAM)',
  netlink: 'socket.socket(16, socket.SOCK_RAW, 0)',
  'raw packets': 'socket.socket(17, socket.SOCK_RAW, 768)',
  'raw IP': 'socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)',
  'the crypto interface of the kernel': 'socket.socket(38, socket.SOCK_SEQPACKET, 0)',
  bluetooth: 'socket.socket(31, socket.SOCK_RAW, 1)',
  can: 'socket.socket(29, socket.SOCK_RAW, 1)',
  tipc: 'socket.socket(30, socket.SOCK_STREAM)',
  'a socketpair of another family': 'works(53, 40, 1, 0, (ctypes.c_int * 2)())',
  'a socket of the host by its file': 'connects(socket.AF_UNIX, C["socketPath"])',
  'an abstract socket of the host': 'connects(socket.AF_UNIX, "\\0" + C["abstractName"])',
  'other interfaces': '[name for _, name in socket.if_nameindex() if name != "lo"]',
  'the interfaces of the host in /proc/net': '"eth" in open("/proc/net/dev").read()',
  'an interface of its own': 'works(16, socket.socket(socket.AF_INET, socket.SOCK_DGRAM).fileno(), 0x8914, b"lo" + b"\\0" * 38)',
  // files
  'a file of the host': 'read(C["secretPath"])',
  'a folder of the host': 'os.listdir(C["folder"])',
  'the password file': 'read("/etc/passwd")',
  'the shadow file': 'read("/etc/shadow")',
  'the home of root': 'os.listdir("/root")',
  '/home': 'os.listdir("/home")',
  'the host by /proc/1/root': 'read("/proc/1/root" + C["secretPath"])',
  'the host by /proc/self/root': 'read("/proc/self/root" + C["secretPath"])',
  'the host by ..': 'read("/mnt/data/../../../.." + C["secretPath"])',
  'the host by a link': 'os.symlink(C["secretPath"], "/mnt/data/esc-link") or read("/mnt/data/esc-link")',
  'the files of the process above': '[read("/proc/1/fd/" + fd) for fd in os.listdir("/proc/1/fd") if fd not in "012"]',
  'the files of another session': 'os.path.exists(C["otherFile"])',
  'local software': 'os.listdir("/usr/local")',
  'to write /usr': 'write("/usr/escaped")',
  'to write /etc': 'write("/etc/escaped")',
  'to write the root': 'write("/escaped")',
  'to write /dev': 'write("/dev/escaped")',
  'to write /opt': 'os.makedirs("/opt/escaped") is None',
  'to write /mnt': 'write("/mnt/escaped")',
  'to make a device': 'os.mknod("/mnt/data/esc-device", 0o20666, os.makedev(1, 1)) is None',
  disks: '[name for name in os.listdir("/dev") if name.startswith(("sd", "vd", "nvme", "loop", "dm"))]',
  'memory devices': 'read("/dev/mem")',
  'kernel messages': 'read("/dev/kmsg")',
  fuse: 'os.open("/dev/fuse", os.O_RDWR)',
  kvm: 'os.open("/dev/kvm", os.O_RDWR)',
  tun: 'os.open("/dev/net/tun", os.O_RDWR)',
  'the socket of Docker': 'os.path.exists("/var/run/docker.sock") or os.path.exists("/run/docker.sock")',
  '/run': 'os.listdir("/run")',
  // /proc and /sys
  core_pattern: 'write("/proc/sys/kernel/core_pattern", "|/bin/false")',
  'the settings of the kernel': 'os.listdir("/proc/sys/kernel")',
  sysrq: 'write("/proc/sysrq-trigger", "h")',
  '/sys': 'os.listdir("/sys")',
  'the keys of the kernel': 'read("/proc/keys")',
  'symbols of the kernel': 'read("/proc/kallsyms")',
  'memory of the kernel': 'os.open("/proc/kcore", os.O_RDONLY)',
  'the command line of the kernel': 'read("/proc/cmdline")',
  'the environment of the server': 'b"CANARY" in b"".join(read("/proc/%s/environ" % pid) for pid in os.listdir("/proc") if pid.isdigit())',
  'its own environment': '[name for name in os.environ if name not in ("PATH", "HOME", "LANG", "MPLBACKEND", "MPLCONFIGDIR", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "PWD", "LC_CTYPE")]',
  'to be killed later than others': 'write("/proc/self/oom_score_adj", "-1000")',
  // processes
  'processes of the host': 'len([pid for pid in os.listdir("/proc") if pid.isdigit()]) > 6',
  'a signal to the server': 'os.kill(C["pid"], 0) is None',
  'a signal to the group of the server': 'os.killpg(C["pid"], 0) is None',
  'the priority of the server': 'os.setpriority(os.PRIO_PROCESS, C["pid"], 19) is None',
  'a better priority': 'os.nice(-20) < 0',
  'a session of its own, and its share of the processor': 'os.setsid() > 0',
  'real-time scheduling': 'os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)) is None',
  'to trace its parent': 'works(101, 16, 1, 0, 0)',
  'to trace itself': 'works(101, 0, 0, 0, 0)',
  'memory of another process': 'works(310, 1, 0, 0, 0, 0, 0)',
  'to write memory of another process': 'works(311, 1, 0, 0, 0, 0, 0)',
  'descriptors of another process': 'works(438, os.pidfd_open(1), 1, 0)',
  'to compare processes': 'works(312, 1, os.getpid(), 1, 0, 0)',
  'more processes than allowed': 'len([subprocess.Popen(["/bin/sleep", "5"]) for _ in range(100)]) == 100',
  'more threads than allowed': '[t.start() for t in [threading.Thread(target=time.sleep, args=(1,), daemon=True) for _ in range(100)]]',
  // privileges
  'to be root': 'os.setuid(0) is None',
  'to be in group root': 'os.setgid(0) is None',
  'supplementary groups': 'os.getgroups()',
  capabilities: 'int(status()["CapEff"], 16) or int(status()["CapPrm"], 16) or int(status()["CapBnd"], 16) and int(status()["CapAmb"], 16)',
  'setuid programs': 'status()["NoNewPrivs"].strip() != "1"',
  'no filter': 'status()["Seccomp"].strip() != "2"',
  'su or sudo': 'subprocess.run(["/bin/su", "-c", "id"], stdin=subprocess.DEVNULL, capture_output=True, timeout=5).returncode == 0',
  'a user namespace': 'works(272, 0x10000000)',
  'a mount namespace': 'works(272, 0x20000)',
  'a network namespace': 'works(272, 0x40000000)',
  'a namespace by clone': 'works(56, 0x10000000 | 17, 0, 0, 0, 0)',
  'a namespace by clone3': 'works(435, 0, 0)',
  'another namespace': 'works(308, os.open("/proc/self/ns/user", os.O_RDONLY), 0)',
  'a mount': 'works(165, b"none", b"/tmp", b"tmpfs", 0, 0)',
  'to unmount': 'works(166, b"/proc/sys", 2)',
  'another root': 'works(161, b"/tmp")',
  'to pivot': 'works(155, b"/tmp", b"/tmp")',
  'the new interface of mounts': 'works(430, b"tmpfs", 0)',
  'to open a tree of mounts': 'works(428, -100, b"/usr", 1)',
  'to make a mount writable': 'works(442, -100, b"/usr", 0, struct.pack("QQQQ", 0, 1, 0, 0), 32)',
  'another host name': 'socket.sethostname("escaped") is None',
  'the clock': 'time.clock_settime(time.CLOCK_REALTIME, time.time()) is None',
  // interfaces of the kernel
  bpf: 'works(321, 0, (ctypes.c_char * 128)(), 128) or ctypes.get_errno() != errno.EPERM',
  io_uring: 'works(425, 1, (ctypes.c_char * 120)())',
  keyctl: 'works(250, 0, -3, 1, 0, 0)',
  'a key of its own': 'works(248, b"user", b"k", b"v", 1, -2)',
  userfaultfd: 'works(323, 1)',
  perf: 'works(298, (ctypes.c_char * 128)(), 0, -1, -1, 0)',
  'file handles': 'works(303, -100, b"/usr", (ctypes.c_char * 128)(), (ctypes.c_int * 1)(), 0) or ctypes.get_errno() != errno.EPERM',
  'to open by handle': 'works(304, 3, (ctypes.c_char * 128)(), 0)',
  fanotify: 'works(300, 0, 0)',
  'another personality': 'works(135, 0x0400000)',
  'a module of the kernel': 'works(175, b"", 0, b"") or ctypes.get_errno() != errno.EPERM',
  'messages of the kernel': 'works(103, 3, (ctypes.c_char * 4096)(), 4096)',
  'to reboot': 'works(169, 0xfee1dead, 672274793, 0)',
  swap: 'works(167, b"/tmp/swap", 0)',
  quotas: 'works(179, 0x800002, b"/dev/vda", 0, 0) or ctypes.get_errno() != errno.EPERM',
  'a descriptor table of its own': 'works(154, 0, 0, 0)',
  'input and output ports': 'works(172, 3)',
  // resources
  'a file in memory that nothing counts': 'works(319, b"x", 0)',
  'shared memory of System V': 'works(29, 0, 4096, 0o1600)',
  'a message queue': 'works(240, b"q", 0o102, 0o600, 0)',
  'to raise its limits': '__import__("resource").setrlimit(__import__("resource").RLIMIT_AS, (-1, -1)) is None',
  'more memory than allowed': 'bytearray(3 << 30)',
  'a file larger than /mnt/data': 'open("/mnt/data/esc-large", "wb").write(bytes(1 << 20) * 300)',
  'more in /tmp than allowed': 'open("/tmp/esc-large", "wb").write(bytes(1 << 20) * 80)',
  'more in /dev/shm than allowed': 'open("/dev/shm/esc-large", "wb").write(bytes(1 << 20) * 20)',
  'locked memory': 'works(149, (ctypes.c_char * (1 << 20))(), 1 << 20)',
  'more open files than allowed': '[os.open("/dev/null", os.O_RDONLY) for _ in range(1000)]',
  'to type into a terminal': 'works(16, 0, 0x5412, b"x")'
}

/** Attempts that would reach machines of others if the network were open: made only where it is not. */
export const FAR: readonly string[] = ['udp to the internet', 'tcp to the internet', 'the metadata address of clouds', 'names by DNS']

/** Attempts that end their process: each runs in a child, and prints `through` when it has come through. */
export const DEADLY: Readonly<Record<string, string>> = {
  'the 32-bit entry': 'import ctypes, mmap\nm = mmap.mmap(-1, 4096, prot=7)\nm.write(bytes.fromhex("b814000000cd80c3"))\nf = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\nprint("through" if f() > 0 else "")',
  'the x32 entry': 'import ctypes\nprint("through" if ctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 + 39)) > 0 else "")'
}

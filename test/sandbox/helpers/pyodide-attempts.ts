/** By name: Python that is true when the attempt has come through; what raises has not. `C` has the canaries of the host. */
export const PYODIDE_ATTEMPTS: Readonly<Record<string, string>> = {
  'the module js': '__import__("js")',
  'the module pyodide_js': '__import__("pyodide_js")',
  'the module pyodide': '__import__("pyodide")',
  'the module of its core': '__import__("_pyodide_core")',
  'the module _pyodide': '__import__("_pyodide")',
  'js by importlib': '__import__("importlib").import_module("js")',
  'js after its name is free': 'sys.modules.pop("js", None) or True and __import__("js")',
  'pyodide_js after its name is free': 'sys.modules.pop("pyodide_js", None) or __import__("pyodide_js")',
  'the core after its name is free': '[sys.modules.pop(n, None) for n in list(sys.modules) if "pyodide" in n] and __import__("_pyodide_core").JsProxy.__init__ and js_of(__import__("_pyodide_core"))',
  'code by run_js': '[sys.modules.pop(n, None) for n in list(sys.modules) if "pyodide" in n or n == "js"] and __import__("pyodide.code").code.run_js("1 + 1") == 2',
  'a function by run_js': '[sys.modules.pop(n, None) for n in list(sys.modules) if "pyodide" in n or n == "js"] and __import__("pyodide.code").code.run_js("globalThis.process")',
  'objects of JavaScript that are alive': '[o for o in __import__("gc").get_objects() if type(o).__name__ == "JsProxy" and hasattr(o, "constructor")]',
  'objects of JavaScript in modules': '[n for n, m in list(sys.modules.items()) if m is not None for v in list(vars(m).values()) if type(v).__name__ == "JsProxy" and hasattr(v, "constructor")]',
  'objects of JavaScript in frames': '[1 for f in frames() for v in list(f.f_locals.values()) + list(f.f_globals.values()) if type(v).__name__ == "JsProxy" and hasattr(v, "constructor")]',
  'process by a constructor': '[o.constructor.constructor("return process")() for o in proxies()]',
  'code by a constructor': '[o.constructor.constructor("return 1")() for o in proxies()]',
  'an import by an object': '[getattr(o, "import")("node:fs") for o in proxies()]',
  prototypes: '[o.__proto__ for o in proxies() if o.__proto__ is not None]',
  'tcp to the host': 'connects(socket.AF_INET, ("127.0.0.1", C["tcpPort"]))',
  'udp to the host': 'socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", C["udpPort"])) and False',
  'a socket of the host by its file': 'connects(socket.AF_UNIX, C["socketPath"])',
  'a request by urllib': '__import__("urllib.request").request.urlopen("http://127.0.0.1:%d" % C["tcpPort"], timeout=1)',
  'a request by http.client': '__import__("http.client").client.HTTPConnection("127.0.0.1", C["tcpPort"]).request("GET", "/")',
  'a connection by asyncio': '__import__("asyncio").new_event_loop().run_until_complete(__import__("asyncio").open_connection("127.0.0.1", C["tcpPort"]))',
  'a server of its own': 'socket.socket().bind(("127.0.0.1", 0)) is None and socket.socket().listen() is None and False',
  'a file of the host': 'read(C["secretPath"])',
  'a folder of the host': 'os.listdir(C["folder"])',
  'the password file': 'read("/etc/passwd")',
  'the host by ..': 'read("/mnt/data/../../../.." + C["secretPath"])',
  'the host by a link': 'os.symlink(C["secretPath"], "/mnt/data/esc") or read("/mnt/data/esc")',
  'a mount of the host': 'os.path.exists("/host" + C["secretPath"])',
  'the program of the server': 'read("/proc/self/exe")',
  'the environment by /proc': 'b"CANARY" in read("/proc/self/environ")',
  'the environment': 'os.environ.get("CANARY")',
  'a program': 'subprocess.run(["/bin/true"]).returncode == 0',
  'a shell': 'os.system("true") == 0',
  'a pipe to a program': 'os.popen("echo through").read()',
  'a fork': 'os.fork() >= 0 and True',
  'another program in its place': 'os.execv("/bin/true", ["true"])',
  'a program by posix_spawn': 'os.posix_spawn("/bin/true", ["true"], {})',
  'a signal to the server': 'os.kill(C["pid"], 15) is None and not alive()',
  'the priority of the server': 'os.setpriority(os.PRIO_PROCESS, C["pid"], 19) is None and False',
  'a thread': 'threading.Thread(target=print).start() is None',
  'a process by multiprocessing': '__import__("multiprocessing").Process(target=print).start() is None',
  'the C library of the host': 'ctypes.CDLL("libc.so.6")',
  'a library by dlopen': 'ctypes.CDLL("/usr/lib/x86_64-linux-gnu/libc.so.6")',
  'functions of Emscripten that run scripts': '[getattr(ctypes.CDLL(None), n) for n in ("emscripten_run_script",)] and ctypes.CDLL(None).emscripten_run_script(b"globalThis.through = 1") is None and False',
  'scripts with a result': 'ctypes.CDLL(None).emscripten_run_script_int(b"1 + 41") == 42',
  'assembly by EM_ASM': 'ctypes.CDLL(None).emscripten_asm_const_int(0, 0, 0) != 0',
  'a module by wheel': '__import__("micropip")',
  'a larger /mnt/data': 'open("/mnt/data/large", "wb").write(bytes(1 << 20) * 300)',
  'more memory than allowed': 'bytearray(3 << 30)',
  'the host device for other purposes': 'open("/dev/host", "rb").read(1)',
  'a device of the host': 'read("/dev/mem")',
  'a real terminal': 'os.open("/dev/tty", os.O_RDWR) >= 0 and os.isatty(os.open("/dev/tty", os.O_RDWR)) and False',
  'descriptors that it was not given': '[os.fstat(fd) for fd in range(20, 200)]',
  'input of the server': 'sys.stdin.read(1)',
  'to be debugged': '__import__("faulthandler")._sigsegv() is None and False if False else False',
  'the clock of the host': 'time.clock_settime(time.CLOCK_REALTIME, 0) is None'
}

/** Python that stands before every attempt. */
export const PYODIDE_PRELUDE = (canaries: object): string => String.raw`
import ctypes, json, os, socket, subprocess, sys, threading, time, gc
C = json.loads(${JSON.stringify(JSON.stringify(canaries))})
def read(path):
    with open(path, 'rb') as file: return file.read(4096)
def connects(family, address):
    s = socket.socket(family); s.settimeout(1); s.connect(address); return False
def frames():
    f = sys._getframe(); out = []
    while f: out.append(f); f = f.f_back
    return out
def proxies():
    return [o for o in gc.get_objects() if type(o).__name__ == 'JsProxy'] + [v for m in list(sys.modules.values()) if m is not None for v in list(vars(m).values()) if type(v).__name__ == 'JsProxy']
def js_of(module):
    return [v for v in vars(module).values() if type(v).__name__ == 'JsProxy']
def alive():
    return True
`

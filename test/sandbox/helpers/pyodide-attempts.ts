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
  'a signal to the server': 'os.kill(C["pid"], 0) is None',
  'the priority of the server': 'os.setpriority(os.PRIO_PROCESS, C["pid"], 19) is None',
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
  'the bridge by ctypes': 'setattr(ctypes.pythonapi.JsProxy_create, "restype", ctypes.py_object) or ctypes.pythonapi.JsProxy_create(5).constructor',
  'the module of ffi': '__import__("pyodide.ffi").ffi.to_js({})',
  'the module of http': '__import__("pyodide.http").http.open_url("http://127.0.0.1:%d" % C["tcpPort"])',
  'the module of ffi after its name is free': 'freed() and __import__("pyodide.ffi").ffi.to_js([1]).constructor',
  'an object of JavaScript made by C': 'ctypes.pythonapi.JsvObject_New',
  'the linker\'s own functions': 'ctypes.pythonapi._dlsym_js',
  'the loader of packages': 'freed() and __import__("pyodide_js").loadPackage',
  'js from a fresh import system': 'freed() and __import__("importlib").reload(__import__("importlib")).import_module("js")',
  'js by a spec of its own': '__import__("importlib.util").util.find_spec("js") is not None and __import__("importlib.util").util.module_from_spec(__import__("importlib.util").util.find_spec("js"))',
  'finders of JavaScript modules': '[f for f in sys.meta_path if "pyodide" in type(f).__module__]',
  'finders in referrers': '[o for o in gc.get_objects() if type(o).__name__ == "JsFinder" and o.jsproxies]',
  'proxies in closures': '[c for f in gc.get_objects() if type(f).__name__ == "function" for c in (f.__closure__ or ()) if filled(c) and type(c.cell_contents).__name__ == "JsProxy" and hasattr(c.cell_contents, "constructor")]',
  'proxies in defaults': '[d for f in gc.get_objects() if type(f).__name__ == "function" for d in (f.__defaults__ or ()) if type(d).__name__ == "JsProxy" and hasattr(d, "constructor")]',
  'the global object of JavaScript by a proxy': '[p for p in proxies() if hasattr(p, "globalThis") or hasattr(p, "process") or hasattr(p, "Object")]',
  'WebAssembly by a proxy': '[p for p in proxies() if hasattr(p, "WebAssembly")]',
  'the loop that runs in JavaScript': 'type(__import__("asyncio").get_event_loop_policy().get_event_loop()).__name__ == "WebLoop" and __import__("asyncio").get_event_loop_policy().get_event_loop().call_soon(print) is not None and False',
  'a host file system by mount': 'ctypes.CDLL(None).mount(C["folder"].encode(), b"/mnt", b"NODEFS", 0, None) == 0',
  'a folder of the host by scandir': '[e for e in os.scandir(C["folder"])]',
  'a folder of the host by walk': '[f for _, _, f in os.walk(C["folder"])]',
  'a folder of the host by glob': '__import__("glob").glob(C["folder"] + "/*")',
  'what a path of the host is': 'os.stat(C["secretPath"]).st_size == 6',
  'to write a file of the host': 'open(C["secretPath"], "w").write("x")',
  'to remove a file of the host': 'os.unlink(C["secretPath"]) is None',
  'to link to a file of the host': 'os.link(C["secretPath"], "/mnt/data/linked") is None',
  'a file of the host by mmap': '__import__("mmap").mmap(os.open(C["secretPath"], os.O_RDONLY), 0)[:]',
  'a file of the host by C': 'ctypes.CDLL(None).open(C["secretPath"].encode(), 0) >= 0',
  'tcp by C': 'ctypes.CDLL(None).connect(ctypes.CDLL(None).socket(2, 1, 0), b"\\x02\\x00" + C["tcpPort"].to_bytes(2, "big") + b"\\x7f\\x00\\x00\\x01" + bytes(8), 16) == 0',
  'tcp by IPv6': 'connects(socket.AF_INET6, ("::1", C["tcpPort"]))',
  'a name by DNS': 'socket.gethostbyname("example.com").startswith("172.29.") is False and socket.create_connection(("example.com", 80), 1)',
  'the name of the host': 'socket.gethostname() == C["hostname"]',
  'a program by pty': '__import__("pty").spawn(["/bin/true"]) == 0',
  'memory without end': '[bytearray(1 << 26) for _ in range(64)]',
  'files without end in /tmp': '[open("/tmp/large%d" % i, "wb").write(bytes(1 << 24)) for i in range(32)]',
  'an interrupt that is caught': '__import__("signal").raise_signal(2) is None and False',
  'a signal to its own process': 'os.kill(os.getpid(), 0) is None and os.kill(os.getppid(), 0) is None and os.getppid() == C["pid"]',
  'the user of the host': '__import__("pwd").getpwuid(0).pw_dir == "/root"',
  'a library in a file of its own': 'open("/mnt/data/lib.so", "wb").write(bytes(64)) and ctypes.CDLL("/mnt/data/lib.so")',
  'a module of WebAssembly in a file of its own': 'open("/mnt/data/m.so", "wb").write(b"\\0asm\\1\\0\\0\\0") and ctypes.CDLL("/mnt/data/m.so") and False',
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
def freed():
    for n in list(sys.modules):
        if 'pyodide' in n or n == 'js': sys.modules.pop(n, None)
    return True
def filled(cell):
    try: cell.cell_contents
    except ValueError: return False
    return True
def js_of(module):
    return [v for v in vars(module).values() if type(v).__name__ == 'JsProxy']
`

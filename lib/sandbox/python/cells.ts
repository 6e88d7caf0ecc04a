/**
 * The Python that runs cells, the same behind every wall: one namespace whose variables last, the last expression of a cell shown as
 * IPython does, figures and images as PNG. `write(bytes)` puts bytes into the output, `send(object)` answers the host; whoever embeds
 * this source defines both before it.
 */
export const CELLS = String.raw`
import ast, base64, errno, io, itertools, linecache, logging, os, pprint, stat, sys, traceback, types
import builtins as _builtins

DATA = '/mnt/data'
MAX_IMAGES = 20
MAX_SCANNED = 20000
MAX_SHOWN = 1000
CAN_AWAIT = sys.platform != 'emscripten'

class Pretty(pprint.PrettyPrinter):
    # pprint breaks long strings into pieces, which IPython does not.
    _dispatch = {k: v for k, v in pprint.PrettyPrinter._dispatch.items() if k not in (str.__repr__, bytes.__repr__)}

def shown(value):
    kind = type(value)
    if kind not in (list, tuple, dict, set, frozenset):
        return repr(value)
    if len(value) > MAX_SHOWN:
        few = itertools.islice(value.items() if kind is dict else value, MAX_SHOWN)
        return Pretty(width=80, sort_dicts=False).pformat(kind(few)) + '\n... and %d more' % (len(value) - MAX_SHOWN)
    return Pretty(width=80, sort_dicts=False).pformat(value)

class Cell:
    number = 0
    mark = b''
    images = 0

def mark(letter):
    write(b'\0' + Cell.mark + letter)

def show_png(png):
    if Cell.images >= MAX_IMAGES:
        if Cell.images == MAX_IMAGES:
            print('(More than %d images in one call are not shown.)' % MAX_IMAGES)
        Cell.images += 1
        return
    Cell.images += 1
    flush()
    send({'type': 'image', 'png': base64.b64encode(png).decode()})
    mark(b'i')

def flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            pass

def show_figures():
    plt = sys.modules.get('matplotlib.pyplot')
    if plt is None:
        return
    try:
        for number in plt.get_fignums():
            buffer = io.BytesIO()
            plt.figure(number).savefig(buffer, format='png', bbox_inches='tight')
            show_png(buffer.getvalue())
    finally:
        plt.close('all')

def display(*values, **_options):
    for value in values:
        png = None
        method = getattr(type(value), '_repr_png_', None)
        if method is not None:
            try:
                png = method(value)
            except Exception:
                png = None
        if isinstance(png, tuple):
            png = png[0]
        if isinstance(png, str):
            png = base64.b64decode(png)
        if isinstance(png, (bytes, bytearray)):
            show_png(bytes(png))
        elif value is not None:
            print(shown(value))

def show_last(value):
    if value is None:
        return
    G['_'] = value
    # What pyplot returns is noise beside the figure that it belongs to.
    if not of_matplotlib(value):
        display(value)

def of_matplotlib(value):
    if type(value) in (list, tuple) and value:
        return all(of_matplotlib(item) for item in value[:20])
    if type(value).__module__ == 'numpy' and getattr(value, 'dtype', None) == object:
        return value.size > 0 and of_matplotlib(value.flat[0])
    return type(value).__module__.startswith('matplotlib')

class Backend:
    """Finds the backend of matplotlib that MPLBACKEND names. It is made when matplotlib wants it, and not before."""
    SOURCE = '''
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas
from matplotlib.backend_bases import FigureManagerBase as FigureManager
def show(*args, **kwargs):
    show_figures()
def draw_if_interactive():
    pass
def new_figure_manager(num, *args, FigureClass=None, **kwargs):
    from matplotlib.figure import Figure
    return new_figure_manager_given_figure(num, (FigureClass or Figure)(*args, **kwargs))
def new_figure_manager_given_figure(num, figure):
    return FigureManager(FigureCanvas(figure), num)
'''
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name == 'sandbox_backend':
            from importlib.machinery import ModuleSpec
            return ModuleSpec(name, cls)
    @staticmethod
    def create_module(spec):
        return None
    @classmethod
    def exec_module(cls, module):
        module.show_figures = show_figures
        exec(cls.SOURCE, module.__dict__)

sys.meta_path.append(Backend)
# It counts the fonts when it is first imported, and says so when that takes five seconds: no output of the code.
logging.getLogger('matplotlib.font_manager').addFilter(lambda record: 'building the font cache' not in record.getMessage())
main = types.ModuleType('__main__')
sys.modules['__main__'] = main
G = main.__dict__
G['__builtins__'] = _builtins
G['display'] = display
G['__name__'] = '__main__'

def magics(code):
    """What IPython understands beyond Python, as far as models write it: lines with % are dropped, those with ! run."""
    lines = []
    for line in code.split('\n'):
        bare = line.lstrip()
        indent = line[:len(line) - len(bare)]
        if bare.startswith('%'):
            line = indent + 'pass'
        elif bare.startswith('!'):
            line = indent + '_ = __import__("subprocess").run(%r, shell=True, stdin=-3)' % bare[1:]
        lines.append(line)
    return '\n'.join(lines)

def parse(code, name):
    try:
        return ast.parse(code, name)
    except SyntaxError:
        changed = magics(code)
        if changed == code:
            raise
        return ast.parse(changed, name)

def evaluate(tree, name, mode):
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if CAN_AWAIT else 0
    code = compile(tree, name, mode, flags)
    value = eval(code, G)
    if not code.co_flags & 0x80:
        return value
    import asyncio
    if getattr(Cell, 'loop', None) is None or Cell.loop.is_closed():
        Cell.loop = asyncio.new_event_loop()
    return Cell.loop.run_until_complete(value)

def run(code):
    Cell.number += 1
    Cell.images = 0
    name = '<cell %d>' % Cell.number
    linecache.cache[name] = (len(code), None, code.splitlines(True), name)
    tree = parse(code, name)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr) and not code.rstrip().endswith(';'):
        last = tree.body.pop()
    if tree.body:
        evaluate(tree, name, 'exec')
    if last is not None:
        show_last(evaluate(ast.Expression(last.value), name, 'eval'))
    show_figures()

def on_interrupt(_signal, frame):
    # One that comes before the code or behind it is meant for the code alone. A flag would be wrong for the moment in which it is changed.
    while frame is not None:
        if frame.f_code is run.__code__:
            raise KeyboardInterrupt
        frame = frame.f_back

def attempt(code):
    """Runs the code. Whether it went well, and whether it was interrupted."""
    try:
        run(code)
    except SystemExit:
        pass
    except BaseException as error:
        report(error)
        return 'error', isinstance(error, KeyboardInterrupt)
    return 'ok', False

def report(error):
    """The traceback from the cell's own frames on."""
    frames = error.__traceback__
    while frames is not None and not frames.tb_frame.f_code.co_filename.startswith('<cell'):
        frames = frames.tb_next
    # The frame that raised an interrupt belongs to the runner, not to the code.
    last = frames
    while last is not None and last.tb_next is not None:
        if last.tb_next.tb_frame.f_code is on_interrupt.__code__:
            last.tb_next = None
        else:
            last = last.tb_next
    flush()
    try:
        text = ''.join(traceback.format_exception(type(error), error, frames))
    except BaseException:
        text = type(error).__name__ + '\n'
    write(text.encode('utf-8', 'backslashreplace'))

def scan():
    """What regular files there are, by path below DATA."""
    found = {}
    folders = [DATA]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        for entry in entries:
            if len(found) >= MAX_SCANNED:
                return found
            try:
                info = entry.stat(follow_symlinks=False)
                entry.path.encode('utf-8')
            except (OSError, UnicodeError):
                continue
            if stat.S_ISDIR(info.st_mode):
                folders.append(entry.path)
            elif stat.S_ISREG(info.st_mode):
                found[entry.path[len(DATA) + 1:]] = (info.st_size, info.st_mtime_ns, info.st_ino)
    return found

def changed_since(before):
    after = scan()
    return sorted([path, now[0]] for path, now in after.items() if before.get(path) != now)

def put(path, data, append):
    path = os.path.join(DATA, path)
    if not append:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_APPEND if append else os.O_CREAT | os.O_EXCL)
    file = os.open(path, flags, 0o644)
    try:
        rest = base64.b64decode(data)
        while rest:
            rest = rest[os.write(file, rest):]
    finally:
        os.close(file)

def get(path, offset, length):
    file = os.open(os.path.join(DATA, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, 'not a regular file')
        os.lseek(file, offset, 0)
        return os.read(file, length)
    finally:
        os.close(file)

def answer(request):
    """The answer to a request of the host that is not 'exec'."""
    try:
        if request['op'] == 'put':
            put(request['path'], request['data'], request['append'])
            return {'type': 'ok'}
        data = get(request['path'], request['offset'], request['length'])
        return {'type': 'data', 'data': base64.b64encode(data).decode()}
    except OSError as error:
        return {'type': 'error', 'message': error.strerror or 'failed'}
    except Exception as error:
        return {'type': 'error', 'message': type(error).__name__}
`

import type { Pyodide, PyProxy } from './pyodide-module.js'

/** Functions of Pyodide that take or give objects of JavaScript, and those of Emscripten that run scripts. Not what C++ calls its own. */
const BRIDGE = /^(?!_Z).*(js(?!on)|hiwire|proxy|emscripten_(run_script|asm|dlopen))/i

/**
 * Takes Python's ways to JavaScript away: its modules, the objects that have led to them, and the functions that ctypes would find. The last
 * thing that is done before code runs; packages are linked by then.
 *
 * @param scope a namespace that code does not see.
 */
export function removeBridge (py: Pyodide, scope: PyProxy): void {
  for (const { exports } of Object.values(py._module.LDSO.loadedLibsByName)) {
    for (const name of Object.keys(exports)) if (BRIDGE.test(name)) Reflect.deleteProperty(exports, name)
  }
  py.runPython(String.raw`
import gc, sys
for _name in [name for name in sys.modules if name.split('.')[0] in ('js', 'pyodide_js', '_pyodide_core', 'pyodide', '_pyodide')]:
    sys.modules.pop(_name, None)
sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith(('_pyodide', 'pyodide'))]
for _name in ('js', 'pyodide_js', '_pyodide_core', 'pyodide', '_pyodide'):
    sys.modules[_name] = None
# The finder outlives its place in the list, and holds the modules themselves.
for _object in gc.get_objects():
    if type(_object).__name__ == 'JsFinder':
        _object.jsproxies.clear()
del _name, _object
`, { globals: scope })
}

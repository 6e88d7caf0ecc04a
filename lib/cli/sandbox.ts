import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { fileWords } from '../../storage/base/file-words.js'
import { resolveCodeInterpreter } from '../options/code-interpreter.js'
import { candidates } from '../sandbox/choose.js'
import { packagesUrl, prepare } from '../sandbox/pyodide/packages.js'
import { SandboxError, type Sandbox, type SandboxCheck, type SandboxLimits } from '../sandbox/sandbox.js'
import { readConfigFile } from './config-file.js'
import { configure } from './configure.js'
import { OperatorError } from './errors.js'
import type { SandboxPrepareCommand } from './sandbox-arguments.js'
import type { Values } from './settings.js'

const REPORT_MS = 30_000
const SHOWN_FONTS = 12

/** What a Python has beside itself: packages with their versions, and fonts. */
const REPORT = String.raw`
import glob, importlib.metadata, json, os
versions = {}
for distribution in importlib.metadata.distributions():
    name = distribution.metadata['Name']
    if name:
        versions[name] = distribution.version
try:
    from matplotlib import font_manager
    fonts = sorted({font.name for font in font_manager.fontManager.ttflist})
except ImportError:
    files = [path for kind in ('ttf', 'otf', 'ttc') for path in glob.glob('/usr/share/fonts/**/*.' + kind, recursive=True)]
    fonts = sorted({os.path.basename(path).rsplit('.', 1)[0] for path in files})
print(json.dumps({'versions': versions, 'fonts': fonts}))
`

interface Report {
  versions: Record<string, string>
  fonts: string[]
}

/** `sandbox check`: tries every sandbox that the server would try, and prints what it finds. Whether the server can run code. */
export async function checkSandboxes (values: Values, out: NodeJS.WritableStream): Promise<boolean> {
  const { config } = configure(values, await readConfigFile(values.config, process.cwd()))
  const settings = resolveCodeInterpreter(config.codeInterpreter)
  const line = (name: string, text: string): void => { out.write(`${name.padEnd(10)} ${text}\n`) }
  if (settings === undefined) {
    line('sandbox', 'off: the configuration has turned the code interpreter off')
    return false
  }
  let chosen: string | undefined
  for (const sandbox of candidates(settings.choice)) {
    try {
      const check = await sandbox.check()
      line('sandbox', `${sandbox.name}: ${check.ok ? `works, ${STRENGTHS[sandbox.strength]}` : 'does not work'}`)
      if (check.ok) {
        chosen ??= sandbox.name
        await describe(sandbox, check, settings.sandboxLimits, line)
        line('sessions', String(settings.limits.sessions ?? sandbox.defaultSessions))
      } else {
        line('', check.reason)
        for (const advice of adviceFor(sandbox.name, check.reason)) line('', advice)
      }
    } finally {
      await sandbox.close()
    }
  }
  line('the server', chosen === undefined ? 'runs no code' : `runs code in ${chosen}`)
  return chosen !== undefined
}

const STRENGTHS: Record<Sandbox['strength'], string> = {
  kernel: 'and the kernel enforces it',
  process: 'but the kernel does not enforce it: for people whom you trust',
  remote: 'on another machine'
}

/** Commands that mend what is missing. */
function adviceFor (name: string, reason: string): string[] {
  if (name !== 'bubblewrap' || process.platform !== 'linux') return []
  if (/not installed|no Python/.test(reason)) return ['apt-get install -y bubblewrap python3 python3-numpy python3-pandas python3-matplotlib fonts-dejavu-core']
  if (!/AppArmor/.test(reason)) return []
  return [
    'As root, allow bubblewrap user namespaces:',
    'printf \'abi <abi/4.0>,\\ninclude <tunables/global>\\nprofile bwrap /usr/bin/bwrap flags=(unconfined) {\\n  userns,\\n}\\n\' > /etc/apparmor.d/bwrap && apparmor_parser -r /etc/apparmor.d/bwrap'
  ]
}

async function describe (sandbox: Sandbox, check: SandboxCheck & { ok: true }, limits: SandboxLimits, line: (name: string, text: string) => void): Promise<void> {
  const { versions, fonts } = await report(sandbox, limits)
  const named = Object.entries(versions).sort(([a], [b]) => a.localeCompare(b)).map(([name, version]) => `${name} ${version}`)
  line('python', check.python)
  line('packages', named.length > 0 ? named.join(', ') : check.packages.length > 0 ? check.packages.join(', ') : 'the standard library alone')
  line('fonts', fonts.length === 0 ? 'none' : `${fonts.slice(0, SHOWN_FONTS).join(', ')}${fonts.length > SHOWN_FONTS ? ` and ${fonts.length - SHOWN_FONTS} more` : ''}`)
  line('limits', Object.entries(limits).map(([name, value]) => `${name} ${String(value)}`).join(', '))
}

/** Asks the Python itself, from inside. */
async function report (sandbox: Sandbox, limits: SandboxLimits): Promise<Report> {
  const signal = AbortSignal.timeout(REPORT_MS)
  const session = await sandbox.start({ limits, signal })
  let printed = ''
  try {
    for await (const event of session.execute(REPORT, { timeoutMs: REPORT_MS, signal })) if (event.type === 'text') printed += event.text
    return JSON.parse(printed) as Report
  } catch {
    return { versions: {}, fonts: [] }
  } finally {
    await session.stop()
  }
}

/** `sandbox prepare`: what it takes to have packages, and the wheels of Pyodide in a folder. Throws an `OperatorError`. */
export async function prepareSandboxes ({ packages, out = './pyodide', from }: SandboxPrepareCommand, output: NodeJS.WritableStream): Promise<void> {
  let folder: string
  let version: string
  try {
    const path = createRequire(import.meta.url).resolve('pyodide/package.json')
    folder = dirname(path)
    version = (createRequire(import.meta.url)(path) as { version: string }).version
  } catch (cause) {
    throw new OperatorError('Pyodide is not installed: npm install pyodide@314.0.7.', { cause })
  }
  const to = resolve(out)
  const url = from ?? packagesUrl(version)
  if (process.platform === 'linux') {
    output.write('For bubblewrap, packages are those of the system\'s Python, such as:\n' +
      `  apt-get install -y bubblewrap python3 ${packages.map(name => `python3-${name}`).join(' ')} fonts-dejavu-core\n`)
  }
  try {
    await prepare({
      from: folder,
      to,
      names: packages,
      url: url.endsWith('/') ? url : `${url}/`,
      onFile: ({ name, version, file_name: file }, isNew) => { output.write(`${isNew ? 'fetched' : 'present'} ${name} ${version} (${file})\n`) }
    })
  } catch (error) {
    if (error instanceof SandboxError) throw new OperatorError(error.message, { cause: error })
    throw new OperatorError(`The folder ${to} cannot be prepared: ${fileWords(error, 'it does not exist') ?? (error as Error).message}`, { cause: error })
  }
  output.write(`Pyodide ${version} and its packages are in ${to}. Have the server use it:\n  "codeInterpreter": ${JSON.stringify({ pyodide: { folder: to } })}\n`)
}

/**
 * Who may import what. A file belongs to the first layer that names it or a folder it is in; a file in no layer, and an import that
 * its layer does not list, is an error. So a new folder of `lib` may import neither Fastify nor the routes until a line here says so.
 *
 * `imports` are files and folders of this repository; the last entry that matches counts, `!` takes away. `packages` are those of
 * `GUARDED` that the layer may import besides all others.
 */

/** Packages that only the layers which name them may import. */
export const GUARDED = {
  fastify: /^(fastify|fastify-plugin|@fastify\/[^/]+)(\/|$)/,
  // Loading undici can replace the dispatcher behind the host's own `fetch`; lib/shared/undici.ts sees to it that it does not.
  undici: /^undici(\/|$)/,
  // For its `env`: see `no-restricted-properties` in eslint.config.js.
  process: /^(node:)?process$/,
  // The package under its public name would lead around every layer.
  self: /^fastify-openai-compat(\/(?!package\.json$)|$)/
}

/** What of `lib` runs without a server, and may be imported by all of `lib`. */
const domain = ['schemas', 'storage', 'lib', '!lib/http', '!lib/options', '!lib/plugin.ts', '!lib/server.ts', '!lib/server', '!lib/cli.ts', '!lib/cli', '!lib/index.ts']

export const LAYERS = [
  { files: ['schemas'], imports: ['schemas'] },
  { files: ['storage'], imports: ['schemas', 'storage'] },
  { files: ['lib/shared/undici.ts'], imports: ['lib/shared'], packages: ['undici'] },
  { files: ['lib/http'], imports: [...domain, 'lib/http'], packages: ['fastify'] },
  // The options name types of the HTTP layer: who may call, how fast a reader must be.
  { files: ['lib/options'], imports: [...domain, 'lib/options', 'lib/http'] },
  { files: ['lib/core.ts', 'lib/adapter.ts', 'lib/threads/manager.ts'], imports: [...domain, 'lib/options'] },
  { files: ['lib/plugin.ts'], imports: [...domain, 'lib/options', 'lib/http', 'routes'], packages: ['fastify'] },
  { files: ['lib/console'], imports: [...domain, 'lib/options', 'lib/console'], packages: ['fastify'] },
  { files: ['lib/server.ts', 'lib/server'], imports: [...domain, 'lib/options', 'lib/http', 'lib/plugin.ts', 'lib/server', 'lib/console'], packages: ['fastify'] },
  { files: ['lib/index.ts'], imports: ['schemas', 'storage', 'lib'] },
  { files: ['lib/cli.ts', 'lib/cli'], imports: ['schemas', 'storage', 'lib'], packages: ['process'] },
  { files: ['lib'], imports: domain },
  { files: ['routes'], imports: ['schemas', 'storage', 'lib', 'routes', '!lib/plugin.ts', '!lib/server.ts', '!lib/server', '!lib/cli.ts', '!lib/cli', '!lib/index.ts'], packages: ['fastify'] },
  // The page in the browser: of the server it knows the types on the wire.
  { files: ['console'], imports: ['console', 'schemas'] },
  // Examples know the package by its public name alone.
  { files: ['examples'], imports: ['examples'], packages: Object.keys(GUARDED) },
  // Tests and benchmarks are hosts, clients and operators.
  { files: ['test', 'bench'], imports: ['schemas', 'storage', 'lib', 'routes', 'test', 'bench', 'examples'], packages: Object.keys(GUARDED) }
]

/**
 * Makes `fastify-openai-compat` mean the package as it was just compiled, for examples, which import it by its name as its users do.
 * To be given to a process of its own: `node --import this-package.js example.js`.
 */
import { register } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { built } from './paths.js'

const modules = Object.fromEntries(Object.entries({ 'fastify-openai-compat': 'lib/index.js', 'fastify-openai-compat/conformance': 'lib/conformance/index.js' })
  .map(([name, path]) => [name, pathToFileURL(join(built, path)).href]))

const hooks = `
  const modules = ${JSON.stringify(modules)}
  export async function resolve (name, context, next) {
    return name in modules ? { url: modules[name], shortCircuit: true } : await next(name, context)
  }`

register(`data:text/javascript,${encodeURIComponent(hooks)}`)

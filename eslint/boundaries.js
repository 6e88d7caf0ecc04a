import { dirname, join, relative, sep } from 'node:path'
import { GUARDED, LAYERS } from './layers.js'

const within = (path, place) => path === place || path.startsWith(`${place}/`)

/** The layer of a file, by its path in the repository. */
export function layerOf (path) {
  return LAYERS.find(({ files }) => files.some(place => within(path, place)))
}

function mayImport (layer, path) {
  const last = layer.imports.findLast(entry => within(path, entry.replace('!', '')))
  return last !== undefined && !last.startsWith('!')
}

/** Why a file may not import what a specifier names; undefined when it may. */
export function refusal (file, specifier) {
  const layer = layerOf(file)
  if (layer === undefined) return `No layer of eslint/layers.js has ${file}.`
  if (!specifier.startsWith('.')) {
    const guarded = Object.keys(GUARDED).find(name => GUARDED[name].test(specifier))
    return guarded === undefined || layer.packages?.includes(guarded) ? undefined : `${layer.files[0]} does not import ${specifier} (eslint/layers.js).`
  }
  const target = join(dirname(file), specifier).split(sep).join('/').replace(/\.js$/, '.ts')
  return mayImport(layer, target) ? undefined : `${layer.files[0]} does not import ${target} (eslint/layers.js).`
}

/** Imports as `eslint/layers.js` allows them: static and dynamic ones, re-exports, types, `require`. */
export default {
  meta: { type: 'problem', schema: [] },
  create (context) {
    const file = relative(context.cwd, context.filename).split(sep).join('/')
    const check = source => {
      const specifier = source?.type === 'TSLiteralType' ? source.literal.value : source?.value
      if (typeof specifier !== 'string') return
      const message = refusal(file, specifier)
      if (message !== undefined) context.report({ node: source, message })
    }
    const isRequire = ({ type, name, callee }) => (type === 'Identifier' && name === 'require') || (type === 'CallExpression' && callee.name === 'createRequire')
    return {
      ImportDeclaration: node => check(node.source),
      ExportNamedDeclaration: node => check(node.source),
      ExportAllDeclaration: node => check(node.source),
      ImportExpression: node => check(node.source),
      TSImportType: node => check(node.source ?? node.argument),
      TSExternalModuleReference: node => check(node.expression),
      CallExpression: node => { if (isRequire(node.callee)) check(node.arguments[0]) }
    }
  }
}

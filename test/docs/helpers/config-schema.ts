import { join } from 'node:path'
import ts from 'typescript'
import { root } from '../../helpers/paths.js'

type Schema = Record<string, unknown>

/** The JSON Schema of a config file, from the types of the options and their docstrings. What JSON cannot hold is left out. */
export function configSchema (): Schema {
  const path = join(root, 'lib/cli/config-file.ts')
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), file => ts.sys.readFile(file))
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const program = ts.createProgram([path], { ...options, noEmit: true })
  const source = program.getSourceFile(path)!
  const declaration = source.statements.find(statement => ts.isInterfaceDeclaration(statement) && statement.name.text === 'FileConfig')!
  const checker = program.getTypeChecker()
  const { properties, ...rest } = new Walk(checker, declaration).schemaOf(checker.getTypeAtLocation(declaration))!
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'The config file of fastify-openai-compat',
    ...rest,
    properties: { $schema: { type: 'string' }, ...properties as object }
  }
}

class Walk {
  readonly #checker: ts.TypeChecker
  readonly #place: ts.Node
  /** What is being described: a type within itself is anything. */
  readonly #open = new Set<ts.Type>()

  constructor (checker: ts.TypeChecker, place: ts.Node) {
    this.#checker = checker
    this.#place = place
  }

  /** Undefined for what is no JSON. */
  schemaOf (type: ts.Type): Schema | undefined {
    if (type.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return {}
    if (type.flags & ts.TypeFlags.StringLiteral) return { const: (type as ts.StringLiteralType).value }
    if (type.flags & ts.TypeFlags.NumberLiteral) return { const: (type as ts.NumberLiteralType).value }
    if (type.flags & ts.TypeFlags.BooleanLiteral) return { const: this.#checker.typeToString(type) === 'true' }
    if (type.flags & ts.TypeFlags.StringLike) return { type: 'string' }
    if (type.flags & ts.TypeFlags.NumberLike) return { type: 'number' }
    if (type.flags & ts.TypeFlags.BooleanLike) return { type: 'boolean' }
    if (type.flags & ts.TypeFlags.Null) return { type: 'null' }
    if (type.isUnion()) return this.#union(type.types)
    if (this.#checker.isArrayType(type)) return this.#array(type as ts.TypeReference)
    if (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) return this.#object(type)
    return undefined
  }

  #union (types: readonly ts.Type[]): Schema | undefined {
    const schemas: Schema[] = types.filter(type => !(type.flags & ts.TypeFlags.Undefined)).flatMap(type => { const schema = this.schemaOf(type); return schema === undefined ? [] : [schema] })
    const values = schemas.flatMap(schema => 'const' in schema ? [schema.const] : [])
    const others = schemas.filter(schema => !('const' in schema))
    const isBoolean = values.includes(true) && values.includes(false)
    const named = isBoolean ? values.filter(value => typeof value !== 'boolean') : values
    const all: Schema[] = [...isBoolean ? [{ type: 'boolean' }] : [], ...named.length > 0 ? [{ enum: named }] : [], ...others]
    return all.length > 1 ? { anyOf: all } : all[0]
  }

  #array (type: ts.TypeReference): Schema | undefined {
    const items = this.schemaOf(this.#checker.getTypeArguments(type)[0]!)
    return items === undefined ? undefined : { type: 'array', items }
  }

  #object (type: ts.Type): Schema | undefined {
    if (type.getCallSignatures().length > 0) return undefined
    if (this.#open.has(type)) return {}
    this.#open.add(type)
    try {
      const properties: Record<string, Schema> = {}
      const required: string[] = []
      for (const symbol of this.#checker.getPropertiesOfType(type)) {
        const isOptional = (symbol.flags & ts.SymbolFlags.Optional) !== 0
        const schema = this.schemaOf(this.#checker.getTypeOfSymbolAtLocation(symbol, this.#place))
        // An object that needs a method is one of a program.
        if (schema === undefined && !isOptional) return undefined
        if (schema === undefined) continue
        const description = ts.displayPartsToString(symbol.getDocumentationComment(this.#checker)).replace(/\s+/g, ' ').trim()
        properties[symbol.name] = { ...description === '' ? {} : { description }, ...schema }
        if (!isOptional) required.push(symbol.name)
      }
      const index = this.#checker.getIndexTypeOfType(type, ts.IndexKind.String)
      const more = index === undefined ? undefined : this.schemaOf(index)
      if (index !== undefined && more === undefined && Object.keys(properties).length === 0) return undefined
      return { type: 'object', ...Object.keys(properties).length === 0 ? {} : { properties }, ...required.length === 0 ? {} : { required }, additionalProperties: more ?? false }
    } finally {
      this.#open.delete(type)
    }
  }
}

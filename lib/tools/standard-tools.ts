import type { AnyBuiltInTool } from './built-in-tool.js'
import { BuiltInTools } from './built-in-tools.js'
import { CodeInterpreterTool } from './code-interpreter/code-interpreter.js'
import { FileSearchTool, type FileSearchToolOptions } from './file-search/file-search.js'

export interface StandardToolsOptions {
  /** Default: there are no vector stores, and nothing is searched. */
  fileSearch?: FileSearchToolOptions
  /** Tools of types that the API does not define. Default none. */
  others?: readonly AnyBuiltInTool[]
}

/** The built-in tools that the API defines, and others. */
export function standardTools ({ fileSearch = { vectorStores: () => undefined }, others = [] }: StandardToolsOptions = {}): BuiltInTools {
  return new BuiltInTools([new CodeInterpreterTool(), new FileSearchTool(fileSearch), ...others])
}

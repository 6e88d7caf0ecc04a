import type { AnyBuiltInTool } from './built-in-tool.js'
import { BuiltInTools } from './built-in-tools.js'
import { CodeInterpreterTool } from './code-interpreter/code-interpreter.js'
import type { Interpreter } from './code-interpreter/interpreter.js'
import { FileSearchTool, type FileSearchToolOptions } from './file-search/file-search.js'

export interface StandardToolsOptions {
  /** Where code runs. Default: nowhere, and models are not offered the tool. */
  interpreter?: Interpreter | undefined
  /** Default: there are no vector stores, and nothing is searched. */
  fileSearch?: FileSearchToolOptions
  /** Tools of types that the API does not define. Default none. */
  others?: readonly AnyBuiltInTool[]
}

/** The built-in tools that the API defines, and others. */
export function standardTools ({ interpreter, fileSearch = { vectorStores: () => undefined }, others = [] }: StandardToolsOptions = {}): BuiltInTools {
  return new BuiltInTools([new CodeInterpreterTool(interpreter), new FileSearchTool(fileSearch), ...others])
}

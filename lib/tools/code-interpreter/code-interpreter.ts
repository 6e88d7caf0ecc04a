import type { StepToolCall } from '../../../schemas/run-steps.js'
import type { AssistantTool } from '../../../schemas/tools.js'
import type { BuiltInResult, BuiltInTool } from '../built-in-tool.js'
import { codeInterpreterResources } from './resources.js'

type Declared = AssistantTool & { type: 'code_interpreter' }
type Call = StepToolCall & { type: 'code_interpreter' }

/** `code_interpreter` as far as it needs no sandbox: declared, shown, with its files. Models are not offered it. */
export class CodeInterpreterTool implements BuiltInTool<Declared, Call, undefined> {
  readonly type = 'code_interpreter'
  readonly resources = codeInterpreterResources

  declare (): Declared {
    return { type: 'code_interpreter' }
  }

  offer (): undefined {}

  begin ({ id, arguments: input }: { id: string, arguments: string }): Call {
    return { id, type: 'code_interpreter', code_interpreter: { input, outputs: [] } }
  }

  async * run (): AsyncGenerator<never, BuiltInResult<Call, undefined>, void> {
    throw new Error('code_interpreter is not offered to models, so nothing can call it')
  }

  output (): string {
    return ''
  }

  replay (call: Call): Call[] {
    return [call]
  }
}

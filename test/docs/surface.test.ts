import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import ts from 'typescript'
import { root } from '../helpers/paths.js'

/** What applications were promised, by name. */
const PROMISED = `
  openaiCompat OpenAIServer createOpenAIServer OpenAIAdapter createOpenAIAdapter ThreadManager
  InMemoryThreadStorage RedisThreadStorage PostgresThreadStorage SqliteThreadStorage createThreadStorage
  ThreadStorage StoredThread StoredAssistant StoredFile RedisThreadStorageConfig PostgresThreadStorageConfig
  OpenAIError ListResponse Assistant AssistantTool FunctionDefinition ResponseFormat CreateAssistantRequest UpdateAssistantRequest
  Thread ToolResources CreateThreadRequest Message MessageContent TextContent TextAnnotation Attachment CreateMessageRequest
  MessageContentPart MessageDelta Run RunStatus RequiredAction ToolCall RunError Usage ToolChoice CreateRunRequest
  SubmitToolOutputsRequest ToolOutput RunStep StepDetails StepToolCall RunStepDelta FileObject FilePurpose UploadFileRequest StreamEvent
  OpenAIServerConfig OpenAIAdapterOptions formatOpenAIError InvalidRequestError COGITATOR_MODEL_ID AuthConfig StreamEventType StreamEventData
  StreamEmitterEvents RunStreamEvent LLMThreadMessage CreateAssistantParams UpdateAssistantParams MessageContentDelta MessageIncompleteReason
  ImageFileContent ImageUrlContent JsonSchema IncompleteDetails TruncationStrategy
`.trim().split(/\s+/)

test('every promised name is exported, and has a docstring', async t => {
  const entry = join(root, 'lib/index.ts')
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile) as { config: object }
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [] }, ts.sys, root)
  const program = ts.createProgram([entry], options)
  const checker = program.getTypeChecker()
  const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!
  const exported = checker.getExportsOfModule(module)
  const names = new Set(exported.map(symbol => symbol.name))
  t.strictSame(PROMISED.filter(name => !names.has(name)), [], 'exported')

  const undocumented = exported.filter(({ name }) => PROMISED.includes(name)).filter(symbol => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
    return target.getDocumentationComment(checker).length === 0
  })
  t.strictSame(undocumented.map(symbol => symbol.name), [], 'documented')
})

test('docs/migrating-cogitator.md has a row for every name of @cogitator-ai/openai-compat', t => {
  const page = readFileSync(join(root, 'docs/migrating-cogitator.md'), 'utf8')
  const ofAgents = 'AgentTurnRunner renderConversation AgentTurnRequest AgentTurnResult AgentTurnRunnerOptions AgentTurnUsage ClientFunction ClientFunctionCall ConversationItem TurnToolChoice'
  const missing = [...PROMISED, ...ofAgents.split(' ')].filter(name => !['openaiCompat'].includes(name) && !page.includes(`\`${name}\``))
  t.strictSame(missing, [])
  t.end()
})

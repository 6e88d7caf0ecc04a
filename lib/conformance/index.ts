/** `fastify-openai-compat/conformance`: what a store or a provider of your own has to do, as tests for your test runner. */
export { recordStoreSuite, type StoreFactory, type Suite } from '../../storage/conformance/record-store.js'
export { threadStorageSuite, type ThreadStorageSuite } from '../../storage/conformance/thread-storage.js'
export { blobStoreSuite, type BlobPlace, type BlobSuite } from '../../storage/conformance/blob-store.js'
export { modelProviderSuite, type ProviderFixture, type ProviderSuite, type ScriptedAnswer } from './model-provider.js'
export { withAssertions, type DefinePlainTest } from '../../storage/conformance/assertions.js'
export type { DefineTest, SuiteTest } from '../../storage/conformance/runner.js'
export { builtInToolSuite, type BuiltInToolCase, type BuiltInToolSuite } from './built-in-tool.js'
export { sandboxSuite, type SandboxSuite } from './sandbox.js'

/** `fastify-openai-compat/conformance`: what every storage has to do, as tests for a runner of your own. */
export { recordStoreSuite, type StoreFactory, type Suite } from './record-store.js'
export { threadStorageSuite, type ThreadStorageSuite } from './thread-storage.js'
export type { DefineTest, SuiteTest } from './runner.js'

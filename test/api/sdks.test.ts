import { test } from 'tap'
import { everySdk, lackingNode } from '../helpers/sdk.js'
import { startServer } from '../helpers/server.js'

for (const sdk of everySdk) {
  test(`${sdk.name} is among the clients of these tests`, { skip: lackingNode(sdk) ?? false }, async t => {
    const server = await startServer(t)
    t.strictSame((await server.client(sdk).models.list()).data.map(({ id }) => id), ['test-model'])
  })
}

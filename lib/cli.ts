#!/usr/bin/env node
/** `engines` of package.json. */
const OLDEST_NODE = [20, 20]

// The reader of the output may close it before the server ends.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

const [major, minor] = process.versions.node.split('.').map(Number) as [number, number]
if (major < OLDEST_NODE[0]! || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]!)) {
  // Before anything else is loaded: the files may hold what an old version cannot read.
  process.stderr.write(`fastify-openai-compat: Node ${OLDEST_NODE.join('.')} or later is needed, this is ${process.versions.node}.\n`, () => process.exit(1))
} else {
  // Loaded from here, so that a system that does not even give the files of the program gets an error of one sentence.
  const failed = import('./cli/fail.js')
  import('./cli/main.js').then(({ main }) => main()).catch(error => failed.then(({ fail }) => fail(error)))
}

export {}

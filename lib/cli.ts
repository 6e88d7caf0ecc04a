#!/usr/bin/env node
import { fail } from './cli/fail.js'

// The reader of the output may close it before the server ends.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

// Loaded from here, so that a system that does not even give the files of the program gets an error of one sentence.
import('./cli/main.js').then(async ({ main }) => await main()).catch(fail)

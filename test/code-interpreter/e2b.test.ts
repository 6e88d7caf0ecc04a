import t from 'tap'
import { e2bSkip as skip, startE2b } from '../sandbox/helpers/e2b-stand-in.js'
import { someSdks } from './helpers/coder.js'
import { runTests } from './helpers/run-tests.js'

const option = { backend: 'e2b' as const, ...skip === false ? { e2b: (await startE2b(t)).options } : {} }
runTests({ name: 'e2b', skip, option }, someSdks)

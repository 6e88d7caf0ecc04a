import { runBlocksOn } from './helpers/run.js'

runBlocksOn('sqlite')

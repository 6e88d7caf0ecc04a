import { runBlocksOn } from './helpers/run.js'

runBlocksOn('memory')

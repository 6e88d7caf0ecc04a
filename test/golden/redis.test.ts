import { playOn } from './play.js'

await playOn('redis')

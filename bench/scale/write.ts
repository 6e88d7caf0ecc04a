/** Writes the tables of docs/scaling.md anew from the kept results: `node build/bench/scale/write.js`, after `npm run bench` has measured one instance again. */
import { readFileSync, writeFileSync } from 'node:fs'
import { kept } from '../table/report.js'
import { keptScale, SCALE_PAGE, withScaleTables } from './report.js'

writeFileSync(SCALE_PAGE, withScaleTables(readFileSync(SCALE_PAGE, 'utf8'), keptScale(), kept().full))

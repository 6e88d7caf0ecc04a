import type { Flows } from '../scene.js'
import { endings } from './endings.js'
import { inProcess } from './in-process.js'
import { plain } from './plain.js'
import { readers } from './readers.js'
import { search } from './search.js'
import { takeovers } from './takeovers.js'
import { tools } from './tools.js'

/** Every flow by the name of its recording. */
export const flows: Flows = { ...plain, ...tools, ...search, ...endings, ...readers, ...takeovers, ...inProcess }

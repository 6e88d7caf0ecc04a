import type { Flow } from '../scene.js'
import { plain } from './plain.js'
import { tools } from './tools.js'

/** Every flow by the name of its recording. */
export const flows: Record<string, Flow> = { ...plain, ...tools }

// The order of these two matters: see host-fetch.ts.
import './host-fetch.js'
export { Agent, request } from 'undici'
export type { Dispatcher } from 'undici'

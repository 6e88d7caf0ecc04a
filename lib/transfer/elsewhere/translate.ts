import type { PlainObject } from '../wire-objects.js'
import { cogitatorObjects } from './cogitator.js'
import { langGraphObjects } from './langgraph.js'
import { rowObject } from './rows.js'

/** Objects of the API, for what another project has exported; the object itself when it is one already, or nothing known. */
export function translate (object: PlainObject): PlainObject[] {
  return cogitatorObjects(object) ?? langGraphObjects(object) ?? [rowObject(object) ?? object]
}

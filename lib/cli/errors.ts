/** Something that the operator can mend: its message is one sentence for stderr. */
export class OperatorError extends Error {
  override name = 'OperatorError'
}

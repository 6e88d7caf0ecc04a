import { OperatorError } from './errors.js'

export interface DoctorCommand {
  run: 'doctor'
  mayRepair: boolean
  /** Flags that the server knows, too. */
  server: string[]
}

/** What `doctor ...` asks for: `--repair`, and the flags of the server. Throws an `OperatorError`. */
export function readDoctor (argv: readonly string[]): DoctorCommand {
  if (argv.some(argument => argument.startsWith('--repair='))) throw new OperatorError('--repair has no value.')
  return { run: 'doctor', mayRepair: argv.includes('--repair'), server: argv.filter(argument => argument !== '--repair') }
}

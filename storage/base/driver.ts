import { StorageUnavailableError } from '../record-store.js'

/** Loads the driver of the chosen store. One that is not installed is named, with the command that installs it. */
export async function loadDriver<Module> (name: string, load: () => Promise<Module>): Promise<Module> {
  try {
    return await load()
  } catch (error) {
    throw new StorageUnavailableError(
      `This storage needs the package "${name}", which could not be loaded: npm install ${name}`, { cause: error })
  }
}

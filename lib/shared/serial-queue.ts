// Kept with the storage, which may not import from lib and needs it, too.
export { SerialQueue } from '../../storage/base/serial-queue.js'

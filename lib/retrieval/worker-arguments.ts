/**
 * Arguments of Node for our threads: none. They are plain modules that need none of the loaders and hooks the host was started with,
 * which would be loaded once more in every thread.
 */
export const WORKER_ARGUMENTS: string[] = []

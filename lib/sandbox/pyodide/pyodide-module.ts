/** What is used of the package `pyodide`, which may not be installed. */
export interface PyodideModule {
  loadPyodide (options: LoadOptions): Promise<Pyodide>
}

export interface LoadOptions {
  indexURL: string
  jsglobals?: object
  env?: Record<string, string>
  _makeSnapshot?: true
  _loadSnapshot?: Uint8Array
}

export interface Pyodide {
  makeMemorySnapshot (options: object): Uint8Array
  FS: EmscriptenFiles
  /** Emscripten's own side. */
  _module: { LDSO: { loadedLibsByName: Record<string, { exports: Record<string, unknown> }> } }
  globals: PyProxy
  loadPackage (names: string[], options: { messageCallback (message: string): void, errorCallback (message: string): void }): Promise<unknown>
  runPython (code: string, options?: { globals: PyProxy }): unknown
  setStdout (options: { write (bytes: Uint8Array): number }): void
  setStderr (options: { write (bytes: Uint8Array): number }): void
  setStdin (options: { error: true }): void
  setInterruptBuffer (buffer: { 0: number }): void
}

export type PyProxy = ((...args: unknown[]) => PyProxy) & { get (name: string): PyProxy }

export interface EmscriptenFiles {
  filesystems: { MEMFS: MemoryFiles }
  ErrnoError: new (errno: number) => Error
  mkdirTree (path: string): void
  makedev (major: number, minor: number): number
  mkdev (path: string, device: number): void
  registerDevice (device: number, operations: { open (): void, write (stream: object, buffer: Uint8Array, offset: number, length: number): number }): void
}

export interface FileNode {
  contents?: ArrayBufferView | Record<string, FileNode> | null
}

export interface MemoryFiles {
  expandFileStorage (node: FileNode, capacity: number): void
  ops_table: { file: { stream: { write (stream: { node: FileNode }, buffer: Uint8Array, offset: number, length: number, position: number, canOwn?: boolean): number } } }
}

/** What the types of opencc-js leave out. */
declare module 'opencc-js/dict/*' {
  /** Pairs of characters, `from to`, divided by `|`; of some there are several to choose from. */
  const pairs: string
  export default pairs
}

/** Whether a name is what a pattern says: the same, or with anything in place of each `*`. */
export function matches (pattern: string, name: string): boolean {
  const parts = pattern.split('*').map(part => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 's').test(name)
}

/** What bubblewrap says when it cannot start, and what an operator can do about it. */
const KNOWN: readonly (readonly [pattern: RegExp, advice: string])[] = [
  [/No permissions to create (a )?new namespace|clone3?: Operation not permitted|Creating new namespace failed: Operation not permitted/i,
    'the kernel or the container does not let this user make namespaces: set the sysctl kernel.unprivileged_userns_clone to 1, or give the container a seccomp profile that allows it'],
  [/setting up uid map: Permission denied|loopback: Failed RTM_NEWADDR: Operation not permitted/i,
    'AppArmor keeps bubblewrap from user namespaces (Ubuntu 23.10 and later): install a profile for /usr/bin/bwrap that allows "userns"'],
  [/nesting depth or max_\*?_?namespaces exceeded|No space left on device/i,
    'there are too many namespaces: raise the sysctl user.max_user_namespaces'],
  [/Can't mount proc|mount proc.*Operation not permitted/i,
    'the container masks /proc, so that no new one can be mounted: run it with an unmasked /proc (Docker: --security-opt systempaths=unconfined), or use another backend'],
  [/Unknown option/i, 'bubblewrap is too old: 0.8 or later is needed']
]

/** One line, with advice where the error is a known one. */
export function explain (errors: string): string {
  const line = errors.trim().split('\n').at(-1)?.slice(0, 300) ?? ''
  const advice = KNOWN.find(([pattern]) => pattern.test(errors))?.[1]
  return advice === undefined ? line : `${line} (${advice})`
}

import { readFile } from 'node:fs/promises'

/** The rows that a page of results has, by file; none when there is no page. */
export async function rows (page) {
  const text = await readFile(page, 'utf8').catch(() => '')
  return new Map([...text.matchAll(/^\| `(\S+)` \| (\d+) \| (\d+) \| (\d+) \| [\d.]+ % \| (\d+) s \|$/gm)].map(([, file, mutants, caught, explained, seconds]) =>
    [file, { file, mutants: Number(mutants), caught: Number(caught), explained: Number(explained), seconds: Number(seconds) }]))
}

const line = ({ file, mutants, caught, explained, seconds }) => `| \`${file}\` | ${mutants} | ${caught} | ${explained} | ${(100 * caught / mutants).toFixed(1)} % | ${seconds} s |`

/** The page. Files that were not run are named. */
export function table (results, files, least) {
  const missing = files.filter(file => !results.has(file))
  return `# Mutation tests

Written by \`npm run test:mutation\`, which changes the files in which a fault loses data or locks a thread, one small piece at a time, and runs the tests that
ought to notice: at least ${least} % of the changes in each file have to be noticed. Those that are not noticed have their reasons in
\`scripts/mutation/survivors.json\`.

| File | Changes | Noticed | Not noticed, for a reason | Noticed | Took |
|---|---|---|---|---|---|
${files.filter(file => results.has(file)).map(file => line(results.get(file))).join('\n')}
${missing.length === 0 ? '' : `\nNot run yet: ${missing.map(file => `\`${file}\``).join(', ')}.\n`}`
}

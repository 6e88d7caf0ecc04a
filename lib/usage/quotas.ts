/** What one project may have of the server. What is absent is not limited. */
export interface ProjectQuotas {
  /** Requests in a minute; more are a 429. */
  requestsPerMinute?: number
  /** Tokens of models in a minute, of prompts and answers together. When they are used up, requests that ask a model are a 429, and runs under way fail before their next model turn. */
  tokensPerMinute?: number
  /** The same in a day, which begins at midnight UTC. */
  tokensPerDay?: number
  /** Runs that have not ended, those that wait for tool outputs included; more are a 429. */
  concurrentRuns?: number
  /** Files; more are a 429 that the SDKs do not repeat. */
  files?: number
  /** Bytes of files, and of uploads that are not completed yet as announced; more are a 429 that the SDKs do not repeat. */
  storedBytes?: number
  /** Vector stores; more are a 429 that the SDKs do not repeat. */
  vectorStores?: number
}

/** What projects may have of the server: each the same, but for those that are named. */
export interface Quotas extends ProjectQuotas {
  /** Other quotas of single projects, by project: each value takes the place of the one for all. */
  projects?: Readonly<Record<string, ProjectQuotas>>
}

const NAMES: Record<keyof ProjectQuotas, true> = {
  requestsPerMinute: true, tokensPerMinute: true, tokensPerDay: true, concurrentRuns: true, files: true, storedBytes: true, vectorStores: true
}

/** Throws a TypeError for what is no quota. */
export function checkedQuotas ({ projects = {}, ...forAll }: Quotas = {}): Quotas {
  if (typeof projects !== 'object' || projects === null || Array.isArray(projects)) throw new TypeError('Option "quotas.projects" must be an object of quotas by project.')
  checkOne('quotas', forAll)
  for (const [project, quotas] of Object.entries(projects)) checkOne(`quotas.projects.${project}`, quotas)
  return { ...forAll, projects }
}

function checkOne (what: string, quotas: ProjectQuotas): void {
  if (typeof quotas !== 'object' || quotas === null) throw new TypeError(`Option "${what}" must be an object.`)
  for (const [name, value] of Object.entries(quotas)) {
    if (!Object.hasOwn(NAMES, name)) throw new TypeError(`Option "${what}.${name}" does not exist.`)
    if (!isQuota(value)) throw new TypeError(`Option "${what}.${name}" must be a whole number, 1 or more.`)
  }
}

export const isQuota = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1

/** What holds for a project. */
export function quotasOf ({ projects = {}, ...forAll }: Quotas, project: string): ProjectQuotas {
  return Object.hasOwn(projects, project) ? { ...forAll, ...projects[project] } : forAll
}

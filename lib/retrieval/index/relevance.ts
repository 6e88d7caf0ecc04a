import { frequencyIn, hashOf } from './signature.js'

/** How fast the weight of a word that is repeated stops growing, and how much a long passage has to pay for its length (BM25). */
export const K1 = 1.8
export const B = 0.75
/**
 * Passages without any word of a query that are added to those searched, in thought: in a store of three files every word is rare or
 * common by chance, so that there all words of a query weigh about the same.
 */
const BACKGROUND = 100
/** So many words as rare as can be are enough to be relevant, however many more a query has. */
const ENOUGH = 2.25
/** Above 1: a passage that has half of what a query names is less than half as relevant. */
const STEEPNESS = 1.3

export interface WeightedTerm {
  term: string
  /** 1 for the word itself; less for another one that has a part of it. */
  weight: number
}

/** A concept of a query with what it weighs among the passages that are searched. */
export interface WeightedConcept {
  terms: { hash: number, weight: number }[]
  /** What a passage gains in rank by it. */
  rarity: number
  /** Its part in what the query names. */
  share: number
}

/** Passages and terms of the stores that are searched together. */
export interface Totals {
  passages: number
  terms: number
}

/**
 * @param frequency in how many of the passages it occurs
 * @param hash of a term in the signatures that are compared with it
 */
export function weighted (terms: readonly WeightedTerm[], frequency: number, { passages }: Totals, hash: (term: string) => number = hashOf): WeightedConcept {
  return { terms: terms.map(({ term, weight }) => ({ hash: hash(term), weight })), rarity: rarity(frequency, passages), share: rarity(frequency, passages + BACKGROUND) }
}

/** Inverse document frequency, as BM25 has it, and never negative. */
export function rarity (frequency: number, passages: number): number {
  const occurs = Math.min(frequency, passages)
  return Math.log(1 + (passages - occurs + 0.5) / (occurs + 0.5))
}

export interface Passage {
  length: number
  signature: Buffer
}

/**
 * What a passage is worth to a query. `rank` orders passages (BM25 with the weights of all stores searched). `relevance` says how much
 * of what the query names is in the passage, each concept counted by how rare it is: 1 when all is there, near 0 for a common word
 * alone, and of one scale whatever is searched.
 */
export function valueOf ({ length, signature }: Passage, concepts: readonly WeightedConcept[], { passages, terms }: Totals): { rank: number, relevance: number } {
  const longness = 1 - B + B * length / Math.max(1, terms / Math.max(1, passages))
  let rank = 0
  let covered = 0
  let mass = 0
  for (const { terms, rarity, share } of concepts) {
    let frequency = 0
    let strongest = 0
    for (const { hash, weight } of terms) {
      const found = frequencyIn(signature, hash)
      if (found === 0) continue
      frequency += weight * found
      strongest = Math.max(strongest, weight)
    }
    rank += rarity * frequency * (K1 + 1) / (frequency + K1 * longness)
    covered += share * strongest
    mass += share
  }
  const needed = Math.min(mass, ENOUGH * rarity(0, passages + BACKGROUND))
  return { rank, relevance: mass === 0 ? 0 : Math.min(1, covered / needed) ** STEEPNESS }
}

/** The engine copies shorter parts. */
const SHORTEST_PART = 13

/** A part of a text, to be kept: without the whole text, which the engine otherwise keeps in memory with it. */
export const ownText = (part: string): string => part.length < SHORTEST_PART ? part : Buffer.from(part, 'utf16le').toString('utf16le')

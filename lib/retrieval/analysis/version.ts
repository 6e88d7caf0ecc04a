/**
 * The version of what an index keeps. Raised whenever `analysePassage` makes something else of a text, or an index changes its form: the terms of
 * another version are not what a query looks for, and an index of another version is made anew. A test holds what is made of texts in many languages.
 */
export const INDEX_VERSION = 4

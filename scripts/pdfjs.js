/**
 * Changes to pdf.js where it loses text that is in a file. Each must be found exactly once in the build, or the build stops: another version
 * needs another look.
 */
export const PDFJS_CHANGES = [
  {
    // What a piece of text stands for (ISO 32000-1, 14.9.4), where its glyphs do not say it: Thai, the scripts of India, ligatures.
    what: 'ActualText is handed on with the marks for marked content',
    find: /(\w+\?\?=(\w+)\.get\("XObject"\)[^]{0,8000}?)(\w+)\[1\]instanceof (\w+)&&\((\w+)=\3\[1\]\.get\("MCID"\)\),(\w+)\.items\.push\(\{type:"beginMarkedContentProps",/,
    put: '$1$3[1]instanceof $4&&($5=$3[1].get("MCID")),$6.items.push({type:"beginMarkedContentProps",actualText:($3[1]instanceof $4?$3[1]:$2.get("Properties")?.get?.($3[1]?.name))?.get?.("ActualText"),'
  },
  {
    // A cluster with a mark in it is as wide as its glyph; only one that is all mark has no width. Soft hyphens and joiners are text.
    what: 'a glyph has a width though one of its characters has none',
    find: /\^\(\\\\s\)\|\(\\\\p\{Mn\}\)\|\(\\\\p\{Cf\}\)\$/,
    put: '^(?:(\\\\s)|(\\\\p{Mn})|((?![\\\\u00AD\\\\u200C\\\\u200D])\\\\p{Cf}))$'
  },
  {
    // In sizes of the font. Letters that are set apart are no words; a gap as wide as a space between such words has an item of its own.
    what: 'gaps between letters count from 0.15 on, and are blanks of a text up to 0.45',
    find: /=\.102,(\w+)=\.03,(\w+)=-\.2,(\w+)=\.102,(\w+)=\.6,/,
    put: '=.15,$1=.03,$2=-.2,$3=.15,$4=.45,'
  }
]

/** The code of pdf.js with all changes, which its licence wants to be named. Throws when one does not fit. */
export function withChanges (code) {
  let changed = code
  for (const { what, find, put } of PDFJS_CHANGES) {
    const places = changed.match(new RegExp(find, 'g'))?.length ?? 0
    if (places !== 1) throw new Error(`pdf.js cannot be changed so that ${what}: the place is there ${places} times`)
    changed = changed.replace(find, put)
  }
  return `/* pdf.js, Apache License 2.0, changed by fastify-openai-compat: ${PDFJS_CHANGES.map(({ what }) => what).join('; ')}. */\n${changed}`
}

/** Names that languages, editors and typesetters give to encodings that the Encoding Standard knows by others. */
const ALIASES: Record<string, string> = {
  ansinew: 'windows-1252',
  applemac: 'macintosh',
  macroman: 'macintosh',
  maccyrillic: 'x-mac-cyrillic',
  xmacgreek: 'macgreek',
  xmacturkish: 'macturkish',
  xmacce: 'maccenteuro',
  xmacromanian: 'macromania',
  xmacicelandic: 'maciceland',
  xmaccroatian: 'maccroatian',
  latin9: 'iso-8859-15',
  latin10: 'iso-8859-16',
  utf8x: 'utf-8',
  mule: 'utf-8',
  ujis: 'euc-jp',
  uhc: 'euc-kr',
  cp932: 'shift_jis',
  mskanji: 'shift_jis',
  cp936: 'gbk',
  cp949: 'euc-kr',
  cp950: 'big5',
  cp20866: 'koi8-r',
  cp21866: 'koi8-u',
  cp65001: 'utf-8',
  cp866: 'ibm866',
  iso2022jp: 'iso-2022-jp',
  eucjp: 'euc-jp',
  euckr: 'euc-kr',
  euccn: 'gbk',
  hebrew: 'iso-8859-8',
  tis620: 'windows-874',
  cp874: 'windows-874',
  big5hkscs: 'big5'
}

/**
 * The encoding that a declaration means: a label of the Encoding Standard, or a name that `iconv-lite` knows (code pages of DOS and the
 * like). Undefined when it is neither.
 *
 * @param name as declared: `latin-1`, `cp1251`, `utf-8-unix`, `Shift_JIS`
 * @param knowsOther whether a name beyond the standard can be decoded
 */
export function encodingLabel (name: string, knowsOther: (name: string) => boolean): string | undefined {
  // Emacs says how lines end, too.
  const plain = name.trim().toLowerCase().replace(/-(?:unix|dos|mac)$/, '').replace(/^x-(?=sjis|euc)/, '').replace(/^(?:ms|windows|ibm|cp|csibm)[-_]?(?=\d)/, 'cp')
  const compact = plain.replace(/[-_ ]/g, '')
  const candidates = [ALIASES[compact], plain, plain.replaceAll('_', '-'), compact, plain.replace(/^cp(125\d)$/, 'windows-$1'), plain.replace(/^latin-(\d)$/, 'latin$1'), plain.replace(/^iso[-_]?(8859)[-_]?(\d+)$/, 'iso-$1-$2')]
  for (const candidate of candidates) {
    const label = candidate === undefined ? undefined : standardLabel(candidate)
    if (label !== undefined) return label
  }
  return [ALIASES[compact] ?? plain, plain, compact].find(knowsOther)
}

function standardLabel (name: string): string | undefined {
  try {
    return new TextDecoder(name).encoding
  } catch {
    return undefined
  }
}

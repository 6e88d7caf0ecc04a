const ROMAN: readonly [number, string][] = [[1000, 'm'], [900, 'cm'], [500, 'd'], [400, 'cd'], [100, 'c'], [90, 'xc'], [50, 'l'], [40, 'xl'], [10, 'x'], [9, 'ix'], [5, 'v'], [4, 'iv'], [1, 'i']]

/** A number of a list as it is shown, by Word's names of formats; Arabic by any other name. */
export function formatNumber (number: number, format: string): string {
  switch (format) {
    case 'lowerLetter': return letters(number)
    case 'upperLetter': return letters(number).toUpperCase()
    case 'lowerRoman': return roman(number)
    case 'upperRoman': return roman(number).toUpperCase()
    case 'decimalZero': return String(number).padStart(2, '0')
    case 'bullet': case 'none': return ''
    default: return String(number)
  }
}

/** a … z, aa … zz, as Word counts. */
function letters (number: number): string {
  if (number < 1 || number > 26 * 20) return String(number)
  return String.fromCharCode(97 + (number - 1) % 26).repeat(1 + Math.floor((number - 1) / 26))
}

function roman (number: number): string {
  if (number < 1 || number > 3999) return String(number)
  let text = ''
  for (const [value, sign] of ROMAN) {
    while (number >= value) {
      text += sign
      number -= value
    }
  }
  return text
}

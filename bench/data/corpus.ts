/**
 * Two hundred short documents and fifty questions with the document that answers each, made for this benchmark: four notes about each of
 * fifty machines in an imaginary harbour. A third of the questions name the machine, a third say what it does instead, and
 * a third ask in other words than the note uses.
 */
export interface Document { id: string, text: string }
export interface Question { text: string, answer: string }

const MAKERS = ['Aldra', 'Brenvik', 'Corvan', 'Dunmoor', 'Elstad', 'Fenholt', 'Gristow', 'Hallbek', 'Ivarsen', 'Jorund']
const KINDS: [name: string, does: string, asked: string][] = [
  ['crane', 'lifts containers from the deck to the quay', 'raises freight off ships'],
  ['pump', 'empties the dry dock of sea water', 'drains the basin where hulls are mended'],
  ['winch', 'pulls mooring ropes tight in a storm', 'tightens lines when the wind is strong'],
  ['beacon', 'shows ships the way through fog at night', 'guides vessels when they cannot see'],
  ['scale', 'weighs lorries before they leave the gate', 'measures how heavy trucks are']
]
const PARTS = ['gearbox', 'hydraulic hose', 'brake drum', 'fuse box', 'bearing', 'fuel filter', 'lamp socket', 'control panel', 'drive belt', 'pressure valve']
const TOWNS = ['Osterby', 'Kelmouth', 'Varnholm', 'Tressick', 'Lindhaven', 'Morwick', 'Sandoy', 'Pellworth', 'Ravnsund', 'Quaymere']
const FILLER = 'Everything else is as the handbook of the harbour says, and questions go to the foreman of the shift. Keep this note with the papers of the machine.'

const machines = MAKERS.flatMap((maker, m) => KINDS.map(([kind, does, asked], k) => {
  const n = m * KINDS.length + k
  return { n, name: `${maker} ${kind}`, maker, kind, does, asked, part: PARTS[(n * 3) % 10]!, town: TOWNS[(n * 7) % 10]!, year: 1950 + n, price: 1200 + n * 37 }
}))

export const documents: Document[] = machines.flatMap(({ n, name, does, part, town, year, price }) => [
  { id: `${n}-purpose`, text: `The ${name} ${does}. It stands at berth ${n + 1} and is looked after by the crew of ${town}. ${FILLER}` },
  { id: `${n}-repair`, text: `Repairing the ${name}: when the ${part} fails, switch the power off, loosen the four bolts, take the old ${part} out and put the new one in. Test it without a load first. ${FILLER}` },
  { id: `${n}-history`, text: `The ${name} was built in ${town} in ${year} and came to the harbour by sea two years later. Its first driver kept a diary about it. ${FILLER}` },
  { id: `${n}-price`, text: `Hiring the ${name} costs ${price} crowns a day, fuel not included. Members of the guild pay half. Bills are due within thirty days. ${FILLER}` }
])

export const questions: Question[] = machines.map(({ n, name, maker, asked, part, year, price }): Question => {
  switch (n % 3) {
    case 0: return { text: `How do I replace the ${part} of the ${name}?`, answer: `${n}-repair` }
    case 1: return n % 2 === 0 ? { text: `Which machine was built in ${year}?`, answer: `${n}-history` } : { text: `What can be hired for ${price} crowns?`, answer: `${n}-price` }
    default: return { text: `Which machine by ${maker} ${asked}?`, answer: `${n}-purpose` }
  }
})

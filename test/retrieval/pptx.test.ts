import { test } from 'tap'
import { pptxOf } from './helpers/documents.js'
import { parse } from './helpers/parse.js'

const paragraph = (text: string): string => `<a:p><a:r><a:t>${text}</a:t></a:r></a:p>`
const shape = (text: string): string => `<p:sp><p:nvSpPr><p:cNvPr id="2" name="Title 1"/></p:nvSpPr><p:txBody>${paragraph(text)}</p:txBody></p:sp>`
const linesOf = async (...[slides, parts = {}]: Parameters<typeof pptxOf> | [Parameters<typeof pptxOf>[0]]): Promise<string[][]> =>
  (await parse('a.pptx', pptxOf(slides, parts))).map(({ text }) => text.split('\n'))

test('a chart is read as the table that it was made from', async t => {
  const points = (values: readonly (string | number)[]): string => values.map((value, i) => value === '' ? '' : `<c:pt idx="${i}"><c:v>${value}</c:v></c:pt>`).join('')
  const series = (name: string, values: readonly (string | number)[]): string =>
    `<c:ser><c:tx><c:strRef><c:f>Sheet1!$B$1</c:f><c:strCache>${points([name])}</c:strCache></c:strRef></c:tx><c:cat><c:strRef><c:strCache>${points(['Bavaria', 'Hesse'])}</c:strCache></c:strRef></c:cat><c:val><c:numRef><c:numCache>${points(values)}</c:numCache></c:numRef></c:val></c:ser>`
  const chart = `<c:chartSpace><c:chart><c:title>${paragraph('Revenue')}</c:title><c:plotArea><c:barChart>${series('2023', [4711, ''])}${series('2024', [5, 6])}</c:barChart><c:valAx><c:title>${paragraph('in millions')}</c:title></c:valAx></c:plotArea></c:chart></c:chartSpace>`
  t.strictSame(await linesOf([{ xml: shape('Sales'), related: { chart: '../charts/chart1.xml' } }], { 'charts/chart1.xml': chart }),
    [['Sales', 'Revenue', 'in millions', '2023\t2024', 'Bavaria\t4711\t5', 'Hesse\t\t6']].map(lines => lines.map(line => line === '2023\t2024' ? '\t2023\t2024' : line)))
})

test('SmartArt is read by its data, and a table row by row', async t => {
  const diagram = `<dgm:dataModel><dgm:ptLst><dgm:pt><dgm:t>${paragraph('Plan')}</dgm:t></dgm:pt><dgm:pt><dgm:t>${paragraph('Do')}</dgm:t></dgm:pt></dgm:ptLst></dgm:dataModel>`
  const cell = (text: string): string => `<a:tc><a:txBody>${paragraph(text)}</a:txBody></a:tc>`
  const table = `<p:graphicFrame><a:tbl><a:tr>${cell('Apple')}${cell('1.20')}</a:tr><a:tr>${cell('Pear')}${cell('')}${cell('7')}</a:tr></a:tbl></p:graphicFrame>`
  t.strictSame(await linesOf([{ xml: table, related: { diagramData: '../diagrams/data1.xml' } }, { xml: shape('Second') }], { 'diagrams/data1.xml': diagram }),
    [['Apple\t1.20', 'Pear\t\t7', 'Plan', 'Do'], ['Second']])
})

test('pictures say what they show, and notes and comments stand with their slide', async t => {
  const picture = '<p:pic><p:nvPicPr><p:cNvPr id="4" name="Picture 3" descr="A bar chart of sales"/></p:nvPicPr></p:pic>'
  t.strictSame(await linesOf([{ xml: shape('One') + picture, related: { notesSlide: '../notesSlides/n.xml', comments: '../comments/c.xml' } }, { xml: shape('Two') }], {
    'notesSlides/n.xml': `<p:notes>${shape('Say hello')}</p:notes>`, 'comments/c.xml': '<p:cmLst><p:cm><p:text>too long</p:text></p:cm></p:cmLst>'
  }), [['One', 'A bar chart of sales', 'Say hello', 'too long'], ['Two']])
})

test('a slide that is not there is left out with a note', async t => {
  const { unzipSync, zipSync } = await import('fflate')
  const parts = unzipSync(pptxOf([{ xml: shape('First') }, { xml: shape('gone') }, { xml: shape('Third') }], {}))
  delete parts['ppt/slides/slide1.xml']
  t.strictSame(await parse('a.pptx', zipSync(parts)), [{ text: 'First', page: 1 }, { text: '', page: 2, note: 'Slide 2 could not be read.' }, { text: 'Third', page: 3 }])
})

test('numbers of lists, equations, raised digits and cells of several rows are read as a slide shows them', async t => {
  const numbered = (text: string, level = 0, type = 'arabicPeriod'): string => `<a:p><a:pPr lvl="${level}"><a:buAutoNum type="${type}"/></a:pPr><a:r><a:t>${text}</a:t></a:r></a:p>`
  const list = `<p:sp><p:txBody>${numbered('one')}${numbered('inner', 1, 'alphaLcParenR')}${numbered('more', 1, 'alphaLcParenR')}${numbered('two')}${paragraph('plain')}${numbered('again')}</p:txBody></p:sp>`
  const cell = (text: string, attributes = ''): string => `<a:tc ${attributes}><a:txBody>${text === '' ? '<a:p/>' : paragraph(text)}</a:txBody></a:tc>`
  const table = `<p:graphicFrame><a:tbl><a:tr>${cell('North', 'rowSpan="2"')}${cell('2023')}</a:tr><a:tr>${cell('', 'vMerge="1"')}${cell('2024')}</a:tr></a:tbl></p:graphicFrame>`
  const math = '<p:sp><p:txBody><a:p><a14:m><m:oMathPara><m:oMath><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath></m:oMathPara></a14:m></a:p><a:p><a:r><a:t>10</a:t></a:r><a:r><a:rPr baseline="30000"/><a:t>6</a:t></a:r></a:p></p:txBody></p:sp>'
  t.strictSame(await linesOf([{ xml: list + table + math }]), [['1. one', 'a) inner', 'b) more', '2. two', 'plain', '1. again', 'North\t2023', 'North\t2024', '1/2', '10^6']])
})

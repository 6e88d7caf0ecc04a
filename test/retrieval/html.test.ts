import { test } from 'tap'
import { invalid, textOf } from './helpers/parse.js'

const lines = async (html: string): Promise<string[]> => (await textOf('a.html', html)).split(/\n+/)

test('a page begins with its title', async t => {
  t.strictSame(await lines('<html><head><title>Pump &amp; valve</title></head><body><p>Words.</p></body></html>'), ['Pump & valve', 'Words.'])
  t.strictSame(await lines('<title>Only\n a title</title>'), ['Only a title'])
})

test('cells are apart with or without a table around them', async t => {
  t.strictSame(await lines('<td>C</td><td>Mo</td><td>0.39</td>'), ['C\tMo\t0.39'])
  t.strictSame(await lines('<div><th>Name<th>Price</div><p>after'), ['Name\tPrice', 'after'])
  t.strictSame(await lines('<table><tr><td>a</td><td></td><td>c</td></tr><tr><td>d<td>e<td>f</table>'), ['a\t\tc', 'd\te\tf'])
  t.strictSame(await lines('<table><thead><tr><th>H</th><th>I</th></thead><tbody><tr><td><p>two</p><p>paragraphs</p></td><td>x</td></tr></tbody></table>'), ['H\tI', 'two paragraphs\tx'])
})

test('a table within a cell keeps its rows', async t => {
  t.strictSame(await lines('<table><tr><td><table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table></td></tr></table>after'), ['a\tb', 'c\td', 'after'])
})

test('definition lists, choices and details have a line for each part', async t => {
  t.strictSame(await lines('<dl><dt>term<dd>definition<dt>other</dt><dd>meaning</dd></dl>'), ['term', 'definition', 'other', 'meaning'])
  t.strictSame(await lines('<select><optgroup label=x><option>red</option><option selected>green</option></select>'), ['red', 'green'])
  t.strictSame(await lines('<details><summary>More</summary>Hidden at first</details>'), ['More', 'Hidden at first'])
})

test('pictures and form fields say what they show', async t => {
  t.strictSame(await lines('<p>See <img src=x alt="a chart of sales">.</p>'), ['See a chart of sales .'])
  t.strictSame(await lines('<input value="typed"> <input type=hidden value=secret> <input type=checkbox value=on> <textarea>written\n  here</textarea>'), ['typed', 'written', '  here'])
})

test('words are apart where a page shows them apart, and only there', async t => {
  t.strictSame(await lines('<p>a<b>b</b>c <i>d</i>e</p><p>f<br>g</p><div>h<div>i</div>j</div>'), ['abc de', 'f', 'g', 'h', 'i', 'j'])
  t.strictSame(await lines('<ul><li>one<li>two<ul><li>three</ul></ul>'), ['* one', '* two', '* three'])
  t.equal(await textOf('a.html', '<pre>def f():\n    return 1</pre>'), 'def f():\n    return 1')
  t.equal(await textOf('a.html', '<p>soft&shy;hyphen</p>'), 'softhyphen')
  t.strictSame(await lines('<p>shown</p><script>if (a < b) {}</script><style>p {}</style><template>no</template><noscript>no</noscript><nav>menu</nav>'), ['shown'])
})

test('a page without end is read to its end, and in time', async t => {
  t.match(await textOf('a.html', '<div>'.repeat(10_000) + 'deep'), 'deep')
  t.match(await textOf('a.html', '<table><tr><td>'.repeat(3000) + 'deep'), 'deep')
  await t.rejects(textOf('a.html', '<div>'.repeat(200_000) + 'deep'), invalid('it is nested too deeply'))
  t.match(await textOf('a.html', `<pre>${' '.repeat(2_000_000)}x`), 'x')
  t.equal((await textOf('a.html', `<p>${'a <b>b</b> '.repeat(200_000)}</p>`)).length, 4 * 200_000 - 1)
})

test('an element of XHTML may be empty, whatever it is', async t => {
  const page = '<head><title/><script src="a.js"/></head><body><script src="b.js"/><p>shown</p><iframe src="x"/><p>also</p></body></html>'
  for (const start of ['<?xml version="1.0"?><html>', '<html lang="en" xmlns="http://www.w3.org/1999/xhtml">']) t.strictSame((await textOf('a.xhtml', start + page)).split(/\n+/), ['shown', 'also'])
})

test('how a character is pronounced does not stand between it and the next', async t => {
  t.equal(await textOf('a.html', '<ruby>東<rp>(</rp><rt>とう</rt><rp>)</rp>京<rt>きょう</rt></ruby>駅'), '東京駅')
})

test('what follows an element that is never closed is read', async t => {
  for (const name of ['nav', 'aside', 'header', 'footer', 'noscript', 'svg', 'video', 'object']) {
    t.strictSame(await lines(`<body><${name}><ul><li>menu</ul><main><p>The text.</p><table><tr><td>a<td>b</table></main></body>`), ['* menu', 'The text.', 'a\tb'], name)
    t.match(await lines(`<div><${name}>menu</div><p>The text.`), ['menu', 'The text.'], `${name} in a block that is closed`)
  }
  t.strictSame(await lines('<nav>one</nav><p>a</p><nav>two<p>b</p><nav>three</nav>'), ['a', 'two', 'b'], 'those that are closed stay out')
  t.strictSame(await lines('<ruby>東<rt>tou</ruby><p>京'), ['東', '京'], 'readings may do without an end')
})

test('the items of an ordered list have their numbers', async t => {
  t.equal(await textOf('a.html', '<ol start=3><li>three<li>four<ol type=a><li>inner</ol><li value=9>nine</ol><ul><li>bullet</ul><ol reversed start=2><li>b<li>a</ol>'), '3. three\n4. four\n\na. inner\n\n9. nine\n\n* bullet\n\n2. b\n1. a')
})

test('a cell of several rows or columns leaves the others in their columns', async t => {
  t.equal(await textOf('a.html', '<table><tr><th>Region<th>Year<th>Sum<tr><td rowspan=2>North<td>2023<td>7<tr><td>2024<td>8<tr><td colspan=2>Total<td>15</table>'), 'Region\tYear\tSum\nNorth\t2023\t7\nNorth\t2024\t8\nTotal\t\t15')
  t.equal((await textOf('a.html', `<table>${'<tr><td rowspan=99999 colspan=99999>x'.repeat(200)}</table>`)).match(/x/g)!.length >= 200, true, 'whatever it says of itself')
})

test('formulas are on one line, once, and words in drawings are read', async t => {
  const math = '<math><semantics><mrow><mi>x</mi><mo>=</mo><mfrac><mn>1</mn><mn>2</mn></mfrac><msup><mi>y</mi><mn>2</mn></msup></mrow><annotation encoding="application/x-tex">x=\\frac{1}{2}y^2</annotation></semantics></math>'
  t.equal(await textOf('a.html', `<p>So ${math} holds.`), 'So x=1/2y^2 holds.')
  t.equal(await textOf('a.html', '<p>Sales</p><svg><title>icon</title><style>a{}</style><g><text x=1>North <tspan>4711</tspan></text><text>South</text></g></svg><p>end'), 'Sales\n\nNorth 4711\nSouth\n\nend')
})

test('raised digits make no other number or word of what is before them', async t => {
  t.equal(await textOf('a.html', '<p>10<sup>6</sup> items<sup>1</sup>, 5 m<sup>2</sup>, the 1<sup>st</sup>, CO<sub>2</sub>'), '10^6 items 1, 5 m2, the 1st, CO2')
  t.equal(await textOf('a.html', '<p>a note<a href="#1" role="doc-noteref">1</a> and note<a epub:type="noteref" href="#2">2</a>'), 'a note 1 and note 2')
})

test('a title or a field that is never closed is no reason to read markup', async t => {
  t.equal(await textOf('a.html', '<html><head><title>Contract<body><p>The rent is due.</p></body></html>'), 'Contract\n\nThe rent is due.')
  t.equal(await textOf('a.html', '<p>before</p><textarea>typed <p>after'), 'before\n\ntyped\n\nafter')
})

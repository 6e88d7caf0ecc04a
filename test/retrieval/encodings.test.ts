import iconv from 'iconv-lite'
import { test } from 'tap'
import { LANGUAGE_SAMPLES } from '../data/languages.js'
import { bytesOf, invalid, textOf, unsupported } from './helpers/parse.js'

const encoded = (text: string, encoding: string): Uint8Array => new Uint8Array(iconv.encode(text, encoding))
const bytes = (...parts: (string | Uint8Array)[]): Uint8Array => new Uint8Array(Buffer.concat(parts.map(part => Buffer.from(part as Uint8Array))))
const joined = (...parts: (string | Uint8Array | number[])[]): Uint8Array => new Uint8Array(Buffer.concat(parts.map(part => typeof part === 'string' ? Buffer.from(part) : Buffer.from(part))))

const FRENCH = 'L’été, 50 € — “où était l’élève ?”'
const RUSSIAN = 'Договор аренды помещения на один год'
const JAPANESE = '請求書の合計金額は三万円です。支払い期限は来月末です。'
const CHINESE = '年度报告摘要：公司收入增长百分之十二。'

/** The same words in JIS X 0208 between escape sequences: EUC-JP without the high bits. */
function iso2022jp (text: string): Uint8Array {
  return joined('\x1b$B', [...encoded(text, 'euc-jp')].map(byte => byte & 0x7f), '\x1b(B')
}

test('a byte order mark decides', async t => {
  const text = 'Grüße aus Zürich — 東京 \u{1F600}'
  t.equal(await textOf('a.txt', bytesOf('\ufeff' + text)), text, 'utf-8')
  t.equal(await textOf('a.txt', bytesOf('\ufeff' + text, 'utf16le')), text, 'utf-16le')
  t.equal(await textOf('a.txt', new Uint8Array(Buffer.from('\ufeff' + text, 'utf16le').swap16())), text, 'utf-16be')
  t.equal(await textOf('a.txt', encoded('\ufeff' + text, 'utf-32le')), text, 'utf-32le')
  t.equal(await textOf('a.txt', joined([0xef, 0xbb, 0xbf], 'Größe ', [0xff], ' Maß')), 'Größe \ufffd Maß', 'one broken byte')
  t.match(await textOf('a.txt', joined(bytesOf('\ufeff' + RUSSIAN, 'utf16le'), [0x20])), RUSSIAN, 'an odd number of bytes')
})

test('what a page of HTML declares wins', async t => {
  const pages: [declaration: string, encoding: string, text: string][] = [
    ['<meta charset="windows-1252">', 'windows-1252', FRENCH],
    ['<meta charset=iso-8859-1>', 'windows-1252', FRENCH],
    ['<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=koi8-r">', 'koi8-r', RUSSIAN],
    ['<meta content="text/html;charset=gb2312" http-equiv=Content-Type>', 'gbk', CHINESE],
    ['<meta charset="x-sjis">', 'shift_jis', JAPANESE],
    ['<!-- <meta charset="koi8-r"> --><meta charset="windows-1251">', 'windows-1251', RUSSIAN]
  ]
  for (const [declaration, encoding, text] of pages) {
    t.match(await textOf('a.html', joined(`<html><head>${declaration}</head><body><p>`, encoded(text, encoding), '</p></body></html>')), text, declaration)
  }
  t.match(await textOf('a.html', joined('<meta charset=iso-2022-jp><p>', iso2022jp(JAPANESE))), JAPANESE, 'ISO-2022-JP')
  t.match(await textOf('a.xhtml', joined('<?xml version="1.0" encoding="ISO-8859-7"?><html><body>', encoded('Καλημέρα', 'iso-8859-7'))), 'Καλημέρα', 'XML')
  t.match(await textOf('a.html', joined('<meta charset="utf-16"><p>', RUSSIAN)), RUSSIAN, 'what is read as ASCII is not UTF-16')
  t.match(await textOf('a.html', joined('<meta charset="klingon"><p>', encoded(RUSSIAN, 'windows-1251'))), RUSSIAN, 'an encoding that does not exist')
  t.match(await textOf('a.html', joined('<meta charset="iso-8859-1"><p>', RUSSIAN)), RUSSIAN, 'UTF-8 throughout, whatever it says')
})

test('what a source file, a stylesheet or an XML document declares wins', async t => {
  const files: [name: string, declaration: string, encoding: string, text: string][] = [
    ['a.py', '# -*- coding: latin-1 -*-\n# ', 'latin1', 'Größe der Fläche'],
    ['a.py', '#!/usr/bin/python\n# vim: set fileencoding=cp1251 :\n# ', 'windows-1251', 'Ёж'],
    ['a.rb', '# encoding: Shift_JIS\n# ', 'shift_jis', '請求書'],
    ['a.py', '# coding: cp437\n# ', 'cp437', 'naïve Größe'],
    ['a.txt', '-*- coding: iso-8859-2-unix -*-\n', 'iso-8859-2', 'Žluťoučký kůň'],
    ['a.xml', '<?xml version="1.0" encoding="windows-1250"?><a>', 'windows-1250', 'Żółć'],
    ['a.css', '@charset "iso-8859-1";\n/* ', 'latin1', 'Größe'],
    ['a.tex', '\\documentclass{article}\n\\usepackage[ansinew]{inputenc}\n', 'windows-1252', FRENCH]
  ]
  for (const [name, declaration, encoding, text] of files) t.equal(await textOf(name, joined(declaration, encoded(text, encoding))), declaration + text, declaration)
  const quoting = `<meta charset="windows-1251"> stands in: ${JAPANESE}`
  t.equal(await textOf('a.md', quoting), quoting, 'a declaration that is quoted is none')
})

test('an encoding that nothing declares is told from the words', async t => {
  const texts: [text: string, ...encodings: string[]][] = [
    [FRENCH, 'windows-1252'],
    ['Le garçon déjà vu à la fête, où il était une fois', 'latin1', 'macintosh'],
    ['Größe und Überschrift, schöne Grüße', 'latin1', 'cp850'],
    [RUSSIAN, 'windows-1251', 'koi8-r', 'ibm866', 'iso-8859-5'],
    [JAPANESE, 'shift_jis', 'euc-jp'],
    [CHINESE, 'gbk'],
    ['年度報告摘要：公司收入增長百分之十二。', 'big5'],
    ['연차 보고서 요약: 회사 매출이 증가했다', 'euc-kr'],
    ['Umowa najmu zostaje zawarta na czas nieokreślony i może być wypowiedziana, zażółć gęślą jaźń', 'windows-1250', 'iso-8859-2'],
    ['Συμβόλαιο ενοικίασης διαμερίσματος για ένα έτος', 'windows-1253', 'iso-8859-7'],
    ['חוזה שכירות לדירה לתקופה של שנה אחת', 'windows-1255'],
    ['عقد إيجار الشقة لمدة سنة واحدة', 'windows-1256', 'iso-8859-6'],
    ['สัญญาเช่าห้องพักระยะเวลาหนึ่งปี', 'windows-874'],
    ['Teşekkür ederim, görüşürüz. Çocuğun ağırlığı', 'windows-1254']
  ]
  for (const [text, ...encodings] of texts) {
    for (const encoding of encodings) t.equal(await textOf('a.txt', encoded(text, encoding)), text, encoding)
  }
  t.equal(await textOf('a.txt', iso2022jp(JAPANESE)), JAPANESE, 'ISO-2022-JP')
})

test('the code pages of Europe are told from the letters of its languages', async t => {
  const texts: [text: string, ...encodings: string[]][] = [
    ['Hver maður skal eiga rétt til þess að taka þátt í stjórn lands síns, beinlínis eða með því að kjósa til þess fulltrúa', 'windows-1252'],
    ['Kiekvienas žmogus turi teisę į gyvybę, laisvę ir saugumą. Niekas negali būti laikomas vergijoje ar nelaisvės būklėje', 'windows-1257'],
    ['Ikvienam cilvēkam ir tiesības uz dzīvību, brīvību un personas neaizskaramību, nevienu nedrīkst turēt verdzībā', 'windows-1257'],
    ['Vsakdo ima pravico do življenja, do prostosti in do osebne varnosti. Nihče ne sme biti držan v suženjstvu', 'windows-1250', 'iso-8859-2'],
    ['Všetci ľudia sa rodia slobodní a sebe rovní, čo sa týka ich dôstojnosti a práv, a sú obdarení rozumom', 'windows-1250', 'cp852'],
    ['Orice ființă umană are dreptul la viață'.replaceAll('ț', 'ţ') + ', la libertate și la securitatea persoanei sale în faţa legii'.replaceAll('ș', 'ş'), 'windows-1250', 'iso-8859-2'],
    ['Każdy człowiek ma prawo do życia, wolności i bezpieczeństwa swojej osoby, nie może być nigdzie więziony', 'cp852'],
    ['Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv, jsou nadáni rozumem a svědomím', 'maccenteuro', 'cp852'],
    ['Кожна людина має право на життя, на свободу і на особисту недоторканність, її ніхто не позбавить', 'koi8-u', 'windows-1251'],
    ['Каждый человек имеет право на жизнь, на свободу и на личную неприкосновенность, вся земля моя', 'maccyrillic'],
    ['Tutti gli esseri umani nascono liberi, ma nessuno può esserne privato', 'windows-1252'],
    ['Tout individu a droit à la vie, à la liberté et à la sûreté de sa personne', 'cp850', 'macintosh']
  ]
  for (const [text, ...encodings] of texts) {
    for (const encoding of encodings) t.equal(await textOf('a.txt', encoded(text, encoding)), text, encoding)
  }
  const vietnamese = iconv.decode(iconv.encode('Mọi người đều có quyền sống, tự do và an toàn cá nhân'.normalize('NFD').replace(/([aeou])\u0302/g, (_, a: string) => `${a}\u0302`.normalize('NFC')).replace(/[ou]\u031b/g, pair => pair.normalize('NFC')), 'windows-1258'), 'windows-1258')
  t.equal(await textOf('a.txt', encoded(vietnamese, 'windows-1258')), vietnamese, 'windows-1258')
})

test('UTF-16 is known without a mark, in any script', async t => {
  for (const text of ['plain Latin text', RUSSIAN, JAPANESE, CHINESE, 'שלום עולם', '안녕하세요 세계, 보고서입니다', 'สัญญาเช่าห้อง', 'नमस्ते दुनिया', 'Smile \u{1F600} at the end']) {
    t.equal(await textOf('a.txt', bytesOf(text, 'utf16le')), text, `${text} in utf-16le`)
    t.equal(await textOf('a.txt', new Uint8Array(Buffer.from(text, 'utf16le').swap16())), text, `${text} in utf-16be`)
  }
  t.equal(await textOf('a.txt', 'bush hid the facts'), 'bush hid the facts')
})

test('the whole file counts, not only how it begins', async t => {
  const long = 'plain ascii line\n'.repeat(20_000)
  t.equal(await textOf('a.txt', joined(long, encoded(JAPANESE, 'shift_jis'))), long + JAPANESE)
  t.equal(await textOf('a.txt', joined(long, encoded(RUSSIAN, 'koi8-r'))), long + RUSSIAN)
  t.equal(await textOf('a.txt', joined(long, RUSSIAN)), long + RUSSIAN)
})

test('a broken byte does not turn a file into another encoding', async t => {
  for (const text of ['Überschrift und Größe, schöne Maße', RUSSIAN, CHINESE]) {
    t.equal(await textOf('a.txt', joined(text, ' ', [0xe9], ' ', text)), `${text} \ufffd ${text}`)
  }
  const sentence = 'Überschrift und Größe. '
  t.equal((await textOf('a.txt', joined(sentence.repeat(50), [0xf6], sentence.repeat(50)))).replaceAll(sentence, ''), '\ufffd')
  const broken = await textOf('a.html', joined('<meta charset=Shift_JIS><p>', encoded(JAPANESE, 'shift_jis'), [0xff], ' ', encoded(JAPANESE, 'shift_jis')))
  t.match(broken, JAPANESE)
})

test('a zero here and there is no binary file; a file of control characters is', async t => {
  t.equal(await textOf('a.log', 'before the crash\0after the crash'), 'before the crash after the crash')
  t.equal(await textOf('a.log', `before the crash\n${'\0'.repeat(4096)}\nafter the crash`), 'before the crash\n \nafter the crash')
  await t.rejects(textOf('a.txt', bytesOf('\x01\x02\x03'.repeat(100))), unsupported)
  await t.rejects(textOf('a.txt', new Uint8Array(1000)), unsupported)
  await t.rejects(textOf('a.txt', new Uint8Array([0xff, 0xfe, 0x00, 0xd8, 0x20, 0x00])), invalid('it is not valid UTF-16LE'))
})

test('letters that JSON writes as escapes are letters, and its other escapes stay', async t => {
  t.equal(await textOf('a.jsonl', '{"text":"Gr\\u00f6\\u00dfe \\u6771\\u4eac \\ud83d\\ude00 \\"x\\" \\n \\u000a \\\\u00e9"}'), '{"text":"Größe 東京 \u{1F600} \\"x\\" \\n \\u000a \\\\u00e9"}')
  t.equal(await textOf('a.js', '"\\u00f6"'), '"\\u00f6"', 'source code stays as it is')
})

test('words after an escaped line break in JSON are words', async t => {
  t.equal(await textOf('a.jsonl', '{"text":"hello\\nworld\\tand C:\\\\new \\"x\\""}'), '{"text":"hello\\n world\\t and C:\\\\new \\"x\\""}')
})

test('a notebook is read cell by cell, without its pictures', async t => {
  const notebook = { cells: [{ cell_type: 'markdown', source: ['# Title\n', 'Some words'] }, { cell_type: 'code', source: 'print("Größe")', outputs: [{ output_type: 'stream', text: ['Größe\n'] }, { output_type: 'display_data', data: { 'image/png': 'iVBORw0KGgo=', 'text/plain': ['<Figure>'] } }, { output_type: 'error', traceback: ['\u001b[0;31mValueError\u001b[0m: bad'] }] }], nbformat: 4 }
  t.equal(await textOf('a.ipynb', JSON.stringify(notebook)), '# Title\nSome words\n\nprint("Größe")\n\nGröße\n\n<Figure>\n\nValueError: bad')
  t.equal(await textOf('a.ipynb', '{"cells": [broken'), '{"cells": [broken')
})

test('UTF-32 is known without a mark', async t => {
  for (const encoding of ['utf-32le', 'utf-32be']) for (const text of ['Plain words', RUSSIAN, JAPANESE, '\u{20000}東京']) t.equal(await textOf('a.txt', encoded(text, encoding)), text, encoding)
})

test('UTF-8 is UTF-8 whatever a page declares, and a program says what its text is in as a header does', async t => {
  for (const charset of ['gb2312', 'shift_jis', 'big5', 'windows-1252']) t.match(await textOf('a.html', `<meta charset=${charset}><p>${CHINESE} ${JAPANESE}</p>`), CHINESE, charset)
  t.match(await textOf('a.php', bytes("<?php header('Content-Type: text/html; charset=windows-1251'); ?>", encoded('Договор', 'windows-1251'))), 'Договор')
  t.match(await textOf('a.php', bytes('<?php echo "The name of this page in the language of its readers: ', encoded('Договор аренды квартиры', 'windows-1251'), '"; ?>')), 'Договор аренды квартиры')
})

test('halves of pairs in UTF-8, as databases export them, leave the rest as it is', async t => {
  t.match(await textOf('a.txt', bytes(CHINESE, new Uint8Array([0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]), JAPANESE)), CHINESE)
})

test('letters that a format writes by other signs are letters, and what means something in it stays', async t => {
  const samples: [filename: string, written: string, text: string][] = [
    ['a.xml', '<a t="&quot;">Gr&#246;&#xDF;e &amp; &lt;b&gt; &#60;</a>', '<a t="&quot;">Größe &amp; &lt;b&gt; &#60;</a>'],
    ['a.md', 'Gr&ouml;&szlig;e &mdash; &amp;auml; &unknown; &lt;', 'Größe — &amp;auml; &unknown; &lt;'],
    ['a.yaml', 'title: "Gr\\u00f6\\u00dfe"', 'title: "Größe"'],
    ['a.tex', '\\section{Einf\\"uhrung} Stra{\\ss}e, \\\'etude \\c{c}a na\\"{\\i}ve {\\"U}ber \\v{S}koda \\emph{\\\'Etat} \\o{} \\textbf{x} \\section{a} \\label{c}', '\\section{Einführung} Straße, étude ça naïve Über Škoda \\emph{État} ø \\textbf{x} \\section{a} \\label{c}'],
    ['a.bib', 'author = {M{\\"u}ller, J{\\o}rgen and Erd{\\H{o}}s}', 'author = {Müller, Jørgen and Erdős}'],
    ['a.ics', 'SUMMARY:folded at an\r\n y place\\nNext\r\nEND:VEVENT', 'SUMMARY:folded at any place\\n Next\nEND:VEVENT'],
    ['a.vcf', 'FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=B6rg', 'FN;CHARSET=UTF-8:Jörg']
  ]
  for (const [filename, written, text] of samples) t.equal(await textOf(filename, written), text, filename)
  t.equal(await textOf('a.py', '"&ouml; \\"u"'), '"&ouml; \\"u"', 'source code stays as it is')
})

const samples = new Map(LANGUAGE_SAMPLES.map(({ language, passages }) => [language, passages.join('\n')]))
const TAIWANESE = '年度報告摘要：公司收入增長百分之十二。\n合約期限為兩年，租金每月初支付。\n今天的會議討論了明年的預算和新產品。'
/** Encodings that files are in, each with a language that is written in it and the names that declare it. */
const ENCODINGS: readonly (readonly [language: string, encoding: string, ...declared: string[]])[] = [
  ['Russian', 'windows-1251', 'windows-1251', 'cp1251'],
  ['Russian', 'koi8-r', 'KOI8-R'],
  ['Russian', 'iso-8859-5', 'ISO-8859-5', 'cyrillic'],
  ['Russian', 'cp866', 'cp866', 'IBM866'],
  ['Russian', 'cp855', 'cp855', 'IBM855'],
  ['Russian', 'maccyrillic', 'x-mac-cyrillic'],
  ['Ukrainian', 'koi8-u', 'KOI8-U'],
  ['Ukrainian', 'cp1125', 'cp1125'],
  ['Greek', 'windows-1253', 'windows-1253'],
  ['Greek', 'iso-8859-7', 'ISO-8859-7', 'greek'],
  ['Greek', 'cp737', 'cp737'],
  ['Greek', 'cp869', 'cp869'],
  ['Greek', 'macgreek', 'x-mac-greek'],
  ['Hebrew', 'windows-1255', 'windows-1255', 'cp1255'],
  ['Hebrew', 'iso-8859-8', 'ISO-8859-8', 'ISO-8859-8-I'],
  ['Hebrew', 'cp862', 'cp862'],
  ['Arabic', 'windows-1256', 'windows-1256', 'cp1256'],
  ['Arabic', 'iso-8859-6', 'ISO-8859-6', 'arabic'],
  ['Arabic', 'cp720', 'cp720'],
  ['Thai', 'windows-874', 'windows-874', 'TIS-620', 'ISO-8859-11'],
  ['German', 'windows-1252', 'windows-1252', 'ISO-8859-1'],
  ['German', 'macintosh', 'macintosh', 'x-mac-roman'],
  ['German', 'cp437', 'cp437', 'IBM437'],
  ['Spanish', 'cp850', 'cp850', 'IBM850'],
  ['Swedish', 'macintosh', 'mac-roman'],
  ['Finnish', 'cp437', 'cp437'],
  ['Hungarian', 'cp852', 'cp852', 'IBM852'],
  ['Hungarian', 'windows-1250', 'windows-1250'],
  ['Polish and Czech', 'iso-8859-2', 'ISO-8859-2', 'latin2'],
  ['Turkish', 'windows-1254', 'windows-1254', 'ISO-8859-9'],
  ['Turkish', 'cp857', 'cp857'],
  ['Turkish', 'macturkish', 'x-mac-turkish'],
  ['Vietnamese', 'windows-1258', 'windows-1258'],
  ['Chinese', 'gb18030', 'GB18030', 'gb2312', 'GBK'],
  ['Taiwanese', 'big5', 'Big5', 'cp950'],
  ['Korean', 'euc-kr', 'EUC-KR', 'ks_c_5601-1987', 'cp949'],
  ['Japanese', 'shift_jis', 'Shift_JIS', 'cp932'],
  ['Japanese', 'euc-jp', 'EUC-JP'],
  ['Japanese', 'iso-2022-jp', 'ISO-2022-JP']
]

/** The bytes of a sample, and the text that they are: an encoding may lack a letter of it. */
function written (language: string, encoding: string): { body: Uint8Array, text: string } {
  if (encoding === 'iso-2022-jp') return { body: iso2022jp(JAPANESE), text: JAPANESE }
  const body = encoded(samples.get(language) ?? TAIWANESE, encoding)
  return { body, text: iconv.decode(Buffer.from(body), encoding) }
}

const flat = (text: string): string => text.replace(/\s+/g, ' ')

for (const [language, encoding, ...names] of ENCODINGS) {
  test(`${language} in ${encoding} is read, declared or not`, async t => {
    const { body, text } = written(language, encoding)
    t.equal(await textOf('a.txt', body), text, 'undeclared')
    for (const name of names) {
      const files: [filename: string, content: Uint8Array][] = [
        ['a.xml', joined(`<?xml version="1.0" encoding="${name}"?>\n<a>`, body, '</a>')],
        ['a.html', joined(`<html><head><meta charset="${name}"></head><body><p>`, body, '</p></body></html>')],
        ['a.py', joined(`# -*- coding: ${name} -*-\n# `, body)]
      ]
      for (const [filename, content] of files) t.ok(flat(await textOf(filename, content)).includes(flat(text)), `${filename} declares ${name}`)
    }
  })
}

test('a declaration decides what letters leave open', async t => {
  // The same byte stands in words of both code pages.
  for (const [encoding, name] of [['maccyrillic', 'x-mac-cyrillic'], ['windows-1251', 'windows-1251']] as const) {
    t.match(await textOf('a.html', joined(`<meta charset="${name}"><p>`, encoded('Ёлка и Этна', encoding))), 'Ёлка и Этна', name)
  }
})

test('capitals, rare letters and tables drawn of lines do not hide an encoding', async t => {
  const table = (language: string): string => samples.get(language)!.split('\n').map(line => `│ ${line} │`).join('\n')
  const texts: [text: string, ...encodings: string[]][] = [
    ['Ёлки в лесу покрыты снегом, и эти дороги стали скользкими.', 'windows-1251'],
    [samples.get('Greek')!.toUpperCase(), 'windows-1253'],
    [samples.get('German')!.toUpperCase(), 'macintosh'],
    [table('Portuguese'), 'cp850'],
    [table('Hungarian'), 'cp852']
  ]
  for (const [text, ...encodings] of texts) {
    for (const encoding of encodings) t.equal(await textOf('a.txt', encoded(text, encoding)), text, encoding)
  }
})

test('the code pages of Apple have names with x- before them', async t => {
  for (const [name, encoding, word] of [['x-mac-greek', 'macgreek', 'πλοία'], ['x-mac-turkish', 'macturkish', 'kırmızı'], ['x-mac-ce', 'maccenteuro', 'ząb'], ['x-mac-romanian', 'macromania', 'şapte'], ['x-mac-icelandic', 'maciceland', 'þúfa'], ['x-mac-croatian', 'maccroatian', 'čaša']] as const) {
    t.match(await textOf('a.html', joined(`<meta charset="${name}"><p>`, encoded(word, encoding))), word, name)
  }
})

import { test } from 'tap'
import { IndexDatabase } from '../../lib/retrieval/index/index-database.js'

const store = { project: 'p', storeId: 'vs_1' }
const OTHERS = ['Penguins live in Antarctica and eat fish.', 'Bread is baked at night.', 'Rivers flow slowly towards the sea.', 'Trains leave for the coast every hour.']

/** Whether the passage is what a query finds first among others, as relevant. */
function finds (query: string, passage: string, others: readonly string[] = []): boolean {
  const index = new IndexDatabase({ path: ':memory:', identity: 'writings', maxVectorBytes: 0 })
  for (const [i, text] of [passage, ...others, ...OTHERS].entries()) {
    const file = { fileId: `f${i}`, name: '', generation: `g${i}`, attributes: {}, model: null }
    index.addChunks(store, file, [{ number: 0, text }])
    index.addFile(store, file, i + 1)
  }
  const [hit] = index.search([store], { text: query, limit: 3 })
  index.close()
  return hit?.fileId === 'f0' && hit.score >= 0.3
}

/** Passages, each with what has to find it. */
const KINDS: Record<string, readonly (readonly [passage: string, ...queries: string[]])[]> = {
  'Chinese is found in traditional, simplified and Japanese characters': [
    ['我们的软件开发团队在台湾发布了新的数据库版本。', '軟件開發', '發布', '臺灣', '數據庫', '台灣'],
    ['這個國家的經濟發展與教育體系有密切關係。', '经济发展', '国家', '教育体系', '关系'],
    ['東京の図書館では多くの本を借りることができます。', '圖書館', '图书馆', '図書館'],
    ['圖書館裡的書很多。', '図書館', '图书馆']
  ],
  'Kana are found in either row': [['コンピュータの使い方をヒラガナで説明します。', 'こんぴゅーた', 'ひらがな', 'ｺﾝﾋﾟｭｰﾀ', 'コンピューター'], ['りんごとみかんを買いました。', 'リンゴ', 'ミカン']],
  'Serbian is found in both alphabets': [
    ['Ђаци у Београду читају књиге у библиотеци Његош, а џемпер је у школи.', 'Beograd', 'knjiga', 'biblioteka', 'đak', 'Njegoš', 'Njegos', 'књига', 'Београд'],
    ['Đaci u Beogradu čitaju knjige u biblioteci, a džemper je u školi.', 'књига', 'Београд', 'џемпер', 'школа', 'skola']
  ],
  'a short passage is in the language that its letters tell': [
    ['Kitapları rafa koyduk, çocuklarımız evlerinden geldiler.', 'kitabı', 'ev', 'raf', 'cocuk'],
    ['У Києві відкрили нову школу, діти читають книжки українською.', 'Київ', 'школа', 'книжка', 'дитина'],
    ['Los niños jueces; la luz, las luces y los peces en Málaga.', 'juez', 'pez', 'Malaga', 'nino']
  ],
  'plurals that change the sound before their ending are found by the singular': [
    ['De huizen en brieven van de kinderen liggen op het plein.', 'huis', 'brief', 'kind'],
    ['As ações dos cidadãos e os papéis dos hospitais são fáceis; os animais e os níveis azuis.', 'ação', 'acao', 'cidadão', 'papel', 'hospital', 'fácil', 'animal', 'nível', 'azul'],
    ['Școlile și florile din București au copiii şi profesorii în țară.', 'școală', 'scoala', 'floare', 'Bucuresti', 'ţară'],
    ['Tämä on Helsingin kaupungin talo, ja sen huollot ovat kalliita mutta hyviä.', 'Helsinki', 'kaupunki', 'huolto', 'talo'],
    ['Rødgrød med fløde spises på Ærø, og børnene læser bøgerne.', 'roedgroed', 'rodgrod', 'Aeroe', 'barn', 'bog'],
    ['Männen läste böckerna om järnvägsstationerna i Göteborg.', 'bok', 'jarnvag', 'Goteborg', 'Goeteborg'],
    ['Pemerintah di kota ini akan mengirim barang yang ditulis dalam daftar.', 'kirim', 'pengiriman']
  ],
  'a Slavic word whose stem changes is found': [
    ['Byt v Praze jsme koupili loni na jaře, protože se nám líbil.', 'Praha', 'Prahy'],
    ['Mieszkam w Krakowie, a książki kupuję w księgarni na rynku, bo tam są tanie.', 'rynek', 'Kraków', 'ksiazka']
  ],
  'letters that are written together with a Hebrew word are not part of it': [['התלמידים קראו בירושלים את הספרים של הבית ונסעו לחיפה.', 'ירושלים', 'תלמידים', 'ספרים', 'בית', 'חיפה', 'לירושלים']],
  'Arabic, Persian and Urdu letters that look alike are one, and a Persian word is found without its ending': [
    ['لاہور کے طلبہ کتابیں لائبریری میں پڑھتے ہیں۔', 'لاهور', 'لاہور'],
    ['کتاب‌های دانشگاه در کتابخانه مرکزی نگهداری می‌شوند و یکی از آن‌ها قدیمی است.', 'كتاب', 'کتاب', 'کتابهای', 'مركزي', 'می شوند']
  ],
  'versions, numbers of sixteen digits and names of several parts are found by what is in them': [
    ['The function fails with 0x80070005 since v2.14.1-beta of OAuth2Client on the iPhone15Pro.', '80070005', '0x80070005', '2.14.1', 'v2.14', 'oauth2', 'OAuth', 'iphone 15', 'iPhone']
  ]
}

for (const [kind, samples] of Object.entries(KINDS)) {
  test(kind, async t => {
    for (const [passage, ...queries] of samples) for (const query of queries) t.ok(finds(query, passage), query)
  })
}

test('a passage with a part of a word is found even when another has it as it was asked for', async t => {
  const index = new IndexDatabase({ path: ':memory:', identity: 'writings', maxVectorBytes: 0 })
  const passages = ['נסענו בבוקר לירושלים.', 'ירושלים היא עיר.', 'کتاب‌های خوب را خواندم.', 'این کتاب خوب است.', '我們開發軟體。', '软体开发。']
  for (const [i, text] of passages.entries()) {
    const file = { fileId: `f${i}`, name: '', generation: `g${i}`, attributes: {}, model: null }
    index.addChunks(store, file, [{ number: 0, text }])
    index.addFile(store, file, i + 1)
  }
  for (const [query, ...expected] of [['ירושלים', 'f0', 'f1'], ['کتاب', 'f2', 'f3'], ['軟體', 'f4', 'f5']] as const) {
    t.strictSame(index.search([store], { text: query, limit: 10 }).map(({ fileId }) => fileId).sort(), expected, query)
  }
  index.close()
})

/** Short passages in many languages, and questions in other forms of their words, each with the passage that answers it. */
export interface LanguageSample {
  language: string
  passages: readonly string[]
  /** A question, and the place of its passage. */
  questions: readonly (readonly [question: string, passage: number])[]
}

export const LANGUAGE_SAMPLES: readonly LanguageSample[] = [
  {
    language: 'English',
    passages: ['The children were running through the forests until it was dark.', 'A new bridge has been built over the river, and it carries two railways.', 'Bakers prepare their doughs at night and sell the loaves in the morning.'],
    questions: [['Where does a child run in the forest?', 0], ['How many railway lines cross the bridges?', 1], ['When is dough prepared by a baker?', 2]]
  },
  {
    language: 'German',
    passages: ['Die Häuser der alten Städte sind aus Stein gebaut und haben Schieferdächer.', 'Der Donaudampfschiffkapitän steuerte das Schiff durch den Nebel nach Straßburg.', 'Die Versicherungsbedingungen regeln, wann ein Schaden gemeldet werden muss.'],
    questions: [['Woraus ist ein Haus in der Stadt gebaut?', 0], ['Wer fuhr nach Strassburg?', 1], ['Wann meldet man Schäden?', 2], ['Was steht in der Versicherungsbedingung?', 2]]
  },
  {
    language: 'French',
    passages: ['Les chevaux sauvages de la plaine mangent de l’herbe et boivent à la rivière.', 'Les élèves ont reçu leurs diplômes dans la grande salle du collège.', 'Le boulanger vend ses gâteaux au marché de l’œuvre chaque samedi.'],
    questions: [['Que mange un cheval sauvage ?', 0], ['Où l’eleve reçoit-il son diplome ?', 1], ['Quand vend-on le gateau ?', 2]]
  },
  {
    language: 'Spanish',
    passages: ['Las canciones de los pescadores hablan del mar y de las tormentas.', 'Los niños aprendieron a nadar en la piscina municipal.', 'Las fábricas producen motores eléctricos para autobuses.'],
    questions: [['¿De qué habla la canción del pescador?', 0], ['¿Dónde aprende a nadar un nino?', 1], ['¿Qué produce la fabrica?', 2]]
  },
  {
    language: 'Italian',
    passages: ['Le biblioteche della città prestano libri antichi agli studenti.', 'I contadini raccolgono le olive in autunno e producono l’olio.', 'Il treno attraversa le montagne passando per lunghe gallerie.'],
    questions: [['Che cosa presta la biblioteca allo studente?', 0], ['Quando raccoglie le olive il contadino?', 1], ['Dove passa il treno nella montagna?', 2]]
  },
  {
    language: 'Portuguese',
    passages: ['Os pescadores saem de madrugada e voltam com os barcos cheios.', 'As crianças brincam nos jardins da escola durante o recreio.', 'O museu guarda pinturas antigas e esculturas de mármore.'],
    questions: [['Quando sai o pescador?', 0], ['Onde brinca a criança no jardim?', 1], ['Que pintura guarda o museu?', 2]]
  },
  {
    language: 'Dutch',
    passages: ['De fietsers rijden langs de grachten naar hun werk in de stad.', 'Boeren melken hun koeien iedere ochtend voor zonsopgang.', 'De leraren hebben de boeken van de leerlingen verzameld.'],
    questions: [['Waar rijdt een fietser langs de gracht?', 0], ['Wanneer melkt de boer de koe?', 1], ['Wie verzamelt het boek van een leerling?', 2]]
  },
  {
    language: 'Swedish',
    passages: ['Fiskarna fångar strömming i de kalla vattnen utanför kusten.', 'Skolbarnen läser böckerna i biblioteket varje fredag.', 'Husen i byn är målade i röda färger.'],
    questions: [['Var fångas strömmingen vid kusten?', 0], ['När är barn i bibliotek?', 1], ['Vilken färg har huset?', 2]]
  },
  {
    language: 'Finnish',
    passages: ['Talojen katot on maalattu punaisiksi koko kylässä.', 'Kalastajat lähtevät järvelle varhain aamulla.', 'Kirjastossa on tuhansia kirjoja lapsille.'],
    questions: [['Minkä värinen on talo, jonka katto on maalattu?', 0], ['Milloin kalastaja lähtee järvelle?', 1], ['Missä on kirja lapsille?', 2]]
  },
  {
    language: 'Hungarian',
    passages: ['A falu házai fehérek, és kertjeikben almafák nőnek.', 'A halászok hajnalban indulnak a tóra.', 'A könyvtárban ezernyi könyvet őriznek a gyerekeknek.'],
    questions: [['Milyen a ház a faluban?', 0], ['Mikor indul a halász?', 1], ['Hol őriznek könyveket gyerekeknek?', 2]]
  },
  {
    language: 'Turkish',
    passages: ['Köydeki evlerin çatıları kırmızı kiremitle kaplıdır.', 'Balıkçılar sabah erkenden denize açılır.', 'Kütüphanede çocuklar için binlerce kitap vardır.'],
    questions: [['Evin çatısı neyle kaplıdır?', 0], ['Balıkçı ne zaman denize açılır?', 1], ['Kitaplar nerede bulunur?', 2]]
  },
  {
    language: 'Romanian',
    passages: ['Pescarii pleacă dimineața devreme pe lac cu bărcile lor.', 'Elevii citesc cărțile vechi în bibliotecă.', 'Casele din sat au acoperișuri roșii.'],
    questions: [['Când pleacă pescarul pe lac?', 0], ['Ce citește elevul în biblioteca?', 1], ['Ce acoperis are casa din sat?', 2]]
  },
  {
    language: 'Russian',
    passages: ['Дети читали книги в городской библиотеке до позднего вечера.', 'Рыбаки выходят в море на рассвете и возвращаются с полными сетями.', 'Ёлки в лесу покрыты снегом, и дороги стали скользкими.'],
    questions: [['Где ребёнок читает книгу в библиотеках?', 0], ['Когда рыбак выходит в море?', 1], ['Чем покрыта елка?', 2]]
  },
  {
    language: 'Ukrainian',
    passages: ['Діти читали книги у міській бібліотеці до вечора.', 'Рибалки виходять у море на світанку.', 'Дороги вкриті снігом, і машини їдуть повільно.'],
    questions: [['Де читають книгу в бібліотеках?', 0], ['Коли рибалка виходить у море?', 1], ['Чим вкрита дорога?', 2]]
  },
  {
    language: 'Greek',
    passages: ['Οι άνθρωποι του χωριού φτιάχνουν τυρί από γάλα κατσίκας.', 'Τα σχολεία άνοιξαν τον Σεπτέμβριο και οι μαθητές γύρισαν στις τάξεις.', 'Τα πλοία φεύγουν από το λιμάνι κάθε πρωί.'],
    questions: [['Τι τυρι φτιάχνει ο άνθρωπος;', 0], ['Πότε άνοιξε το σχολειο;', 1], ['Από πού φεύγει το πλοίο;', 2]]
  },
  {
    language: 'Arabic',
    passages: ['يَقرأُ الطلاب الكتب القديمة في المكتبة كل مساء.', 'يخرج الصيادون إلى البحر عند الفجر بقواربهم.', 'بُنيت الجسور الجديدة فوق النهر لعبور القطارات.'],
    questions: [['أين يقرأ الطالب الكتب؟', 0], ['متى يخرج الصياد إلى البحر؟', 1], ['أين بني الجسر فوق النهر؟', 2]]
  },
  {
    language: 'Hebrew',
    passages: ['הילדים קוראים ספרים בספרייה בכל ערב.', 'הדייגים יוצאים לים עם עלות השחר.', 'הגשר החדש נבנה מעל הנהר.'],
    questions: [['איפה קוראים ספרים?', 0], ['מתי הדייגים יוצאים?', 1], ['מה נבנה מעל הנהר?', 2]]
  },
  {
    language: 'Hindi',
    passages: ['बच्चे शाम को पुस्तकालय में पुरानी किताबें पढ़ते हैं।', 'मछुआरे भोर में समुद्र की ओर निकलते हैं।', 'नदी पर नया पुल रेलगाड़ियों के लिए बनाया गया।'],
    questions: [['किताब कहाँ पढ़ी जाती है?', 0], ['मछुआरा समुद्र की ओर कब निकलता है?', 1], ['पुल किसके लिए बनाया गया?', 2]]
  },
  {
    language: 'Tamil',
    passages: ['குழந்தைகள் நூலகத்தில் பழைய புத்தகங்களைப் படிக்கிறார்கள்.', 'மீனவர்கள் விடியற்காலையில் கடலுக்குச் செல்கிறார்கள்.', 'மரங்கள் மழைக்காலத்தில் வேகமாக வளரும்.'],
    questions: [['நூலகத்தில் படிப்பது யார்?', 0], ['மீனவர்கள் எப்போது செல்கிறார்கள்?', 1], ['மரம் எப்போது வேகமாக வளரும்?', 2]]
  },
  {
    language: 'Chinese',
    passages: ['黄河是中国第二长的河流，发源于青藏高原。', '人工智能正在改变医疗诊断的方式。', '图书馆每天早上九点开门，周末休息。'],
    questions: [['黄河发源于哪里？', 0], ['什么在改变医疗？', 1], ['图书馆什么时候开门？', 2], ['河', 0]]
  },
  {
    language: 'Japanese',
    passages: ['東京都には約千四百万人が住んでいます。', '猫は一日に十六時間ほど眠ります。', 'ｺﾝﾋﾟｭｰﾀは計算を高速に行う機械である。'],
    questions: [['東京の人口は？東京都に住んでいる人', 0], ['猫は何時間眠りますか', 1], ['コンピュータとは何ですか', 2], ['猫', 1]]
  },
  {
    language: 'Korean',
    passages: ['서울특별시는 대한민국의 수도이며 한강이 흐른다.', '도서관에서는 어린이를 위한 책을 빌려준다.', '어부들은 새벽에 바다로 나간다.'],
    questions: [['대한민국 수도는 어디인가요?', 0], ['어린이 책은 어디에서 빌리나요?', 1], ['어부는 언제 바다에 나가나요?', 2]]
  },
  {
    language: 'Thai',
    passages: ['กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย', 'ชาวประมงออกทะเลในตอนเช้ามืด', 'ห้องสมุดให้ยืมหนังสือแก่เด็กทุกวัน'],
    questions: [['เมืองหลวงของประเทศไทย', 0], ['ออกทะเลเมื่อไร', 1], ['ยืมหนังสือที่ไหน', 2]]
  },
  {
    language: 'Vietnamese',
    passages: ['Hà Nội là thủ đô của Việt Nam và nằm bên sông Hồng.', 'Ngư dân ra khơi lúc bình minh.', 'Thư viện cho trẻ em mượn sách mỗi ngày.'],
    questions: [['thu do cua Viet Nam', 0], ['Ngư dân ra khơi khi nào?', 1], ['mượn sách ở thư viện', 2]]
  },
  {
    language: 'Lao, Khmer and Burmese',
    passages: ['ວຽງຈັນເປັນນະຄອນຫຼວງຂອງປະເທດລາວ', 'ភ្នំពេញគឺជារាជធានីនៃប្រទេសកម្ពុជា', 'ရန်ကုန်မြို့သည် မြန်မာနိုင်ငံ၏ အကြီးဆုံးမြို့ ဖြစ်သည်'],
    questions: [['ນະຄອນຫຼວງ', 0], ['រាជធានី', 1], ['မြန်မာနိုင်ငံ', 2]]
  },
  {
    language: 'Polish and Czech',
    passages: ['Rybacy wypływają w morze o świcie łodziami.', 'Knihovna půjčuje dětem knihy každý den.', 'Most nad rzeką zbudowano dla pociągów.'],
    questions: [['Kiedy rybacy wypływają lodziami?', 0], ['Komu knihovna pujcuje knihy?', 1], ['Dla kogo zbudowano most?', 2]]
  },
  {
    language: 'Program code',
    passages: ['function getUserName (id) { return users.get(id).name }', 'The HTTPServer restarts when max_retry_count is reached.', 'Send an e-mail when the Wi-Fi is down.'],
    questions: [['user name', 0], ['getUserName', 0], ['http server', 1], ['retry count', 1], ['email', 2], ['wifi', 2]]
  }
]

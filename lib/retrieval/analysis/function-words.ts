/**
 * Words that a language cannot do without and that name no subject: articles, pronouns, prepositions, auxiliaries, and the words that ask. They
 * tell which language a text is in, and a query is not searched for them. By the ISO 639-1 code of the language.
 */
const WORDS = {
  en: 'a about after all also am an and any are as at be because been before being between both but by can could did do does done during each either etc every few for from give given ' +
    'had has have having he her here hers him his how i if in into is it its itself just known let like made make many may me might more most much must my no nor not of off on one only ' +
    'onto or other our ours out over own per please shall she should show so some such tell than that the their theirs them then there these they this those through to too under until up upon us ' +
    'used using very was we were what when where whether which while who whom whose why will with within without would you your yours don doesn didn isn aren wasn weren won ll ve re',
  de: 'aber alle allem allen aller alles als also am an andere anderen auch auf aus bei beim bis bist da dabei damit dann das dass daß dein deine dem den denen denn der deren des dessen die dies diese ' +
    'diesem diesen dieser dieses doch dort du durch ein eine einem einen einer eines er es etwas euch eure für gab gegen gibt habe haben hat hatte hatten hier ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ins ist ' +
    'ja jede jedem jeden jeder jedes kann kein keine können könnte man mehr mein meine mich mir mit muss musste müssen nach nicht noch nur ob oder ohne sehr seid sein seine seinem seinen seiner sich sie sind so ' +
    'solche soll sollte sondern über um und uns unser unsere unter viel viele vielen vom von vor war waren warum was weil welche welchem welchen welcher welches wem wen wenn wer werden wessen wie wieder will wir wird ' +
    'wo wodurch wofür woher wohin womit worden worin worüber wurde wurden während zu zum zur zwischen bitte',
  fr: 'à ai ainsi alors après au aucun aussi autre autres aux avant avec avez avoir avons c ça car ce cela ces cet cette ceux chez combien comme comment d dans de des deux dont du elle elles en encore entre est et étaient était ' +
    'été être eu eux fait il ils j je jusque l la laquelle le lequel les lesquels leur leurs lors lui m ma mais me même mes moi moins mon n ne nos notre nous on ont ou où par pas pendant peut plus pour pourquoi pouvez qu quand que quel ' +
    'quelle quelles quels qui quoi s sa sans se selon sera ses si son sont sous sur t ta te tes toi ton tous tout toute toutes très tu un une vers vos votre vous y',
  es: 'a al algo algunos ante antes aquel aquella así aunque cada como cómo con cual cuál cuáles cualquier cuando cuándo cuanto cuánto cuánta cuántos cuántas de del desde donde dónde dos durante e el él ella ellas ellos en entre era eran es esa ' +
    'esas ese eso esos esta está estaba están este esto estos fue fueron ha había han hasta hay la las le les lo los más me mi mientras muy nada ni no nos nosotros o otra otras otro otros para pero por porque pues puede pueden ' +
    'que qué quién quien quiénes se sea según ser si sí sin sobre son su sus también tan tanto te tiene tienen toda todas todo todos tu un una unas uno unos usted y ya yo',
  it: 'a ad agli ai al alla alle allo anche avere aveva che chi ci ciò come con cosa così cui da dai dal dalla dalle dallo degli dei del dell della delle dello di dove e è ed era erano essere fra già gli ha hanno ho i il in io l la le lei li lo ' +
    'loro lui ma me mi mia mio molto ne negli nei nel nell nella nelle nello noi non nostro o ogni per perché più può quale quali quando quanti quanto quanta quante quella quelle quelli quello questa queste questi questo se sei sempre si sia siamo sono sta stata ' +
    'stato su sua sue sugli sui sul sull sulla sulle suo suoi te ti tra tu tutti tutto un una uno vi voi',
  pt: 'a à ao aos às aquela aquele aqui as até com como cada da das de dela dele deles depois do dos e é ela elas ele eles em entre era eram essa essas esse esses esta está estão estas este estes eu foi foram há isso isto já la lhe ' +
    'mais mas me mesmo meu minha muito na nas não nem no nos nós nossa nosso num numa o onde os ou para pela pelas pelo pelos por porque pode qual quais quando quanto quanta quantos quantas que quem se sem ser seu seus sobre são só sua suas também te tem têm ' +
    'tinha toda todas todo todos um uma umas uns você vocês',
  nl: 'aan af al alle als alles andere ben bij bijna daar dan dat de der deze die dit doch doen door dus een en er ge geen haar had hadden heb hebben heeft hem het hier hij hoe hoeveel hun iets ik in is ja je jij jou jullie kan kon kunnen maar me meer men met mij mijn moet ' +
    'moeten na naar niet niets nog nu of om omdat onder ons onze ook op over te tegen toch toen tot tussen u uit uw van veel voor waar waarom wanneer want waren was wat we wel welke werd werden wie wij wil word worden wordt zal ze zei zelf zich zij zijn zo zonder zou',
  sv: 'alla allt att av blev bli blir både de dem den denna deras dess dessa det detta dig din dina ditt då där efter ej eller en ett från för före genom ha hade han hans har hennes henne hon hos hur hur här i icke in inte jag ju kan kunde man med mellan men mig min mitt mot mycket ' +
    'många nu när någon något några och om oss på sedan sig sin sina sitt ska skall skulle som så till under upp ut utan vad var vara varför varit vart vem vi vid vilka vilken vilket vår våra är över',
  da: 'af alle alt anden andre at blev blive bliver da de den denne der deres det dette dig din dog du efter eller en er et for fordi fra få før ham han hans har havde have hende hendes her hos hun hvad hvem hvilke hvilken hvilket hvis hvor hvordan hvorfor hvornår i ikke ind ' +
    'ja jeg kan kom kunne man mange med meget mellem men mig min mod mon nej noget nogle nu når og også om op os over på sig sin skal skulle som sådan så til ud under var ved vi vil ville være været',
  no: 'alle andre at av ble bli blir både da de deg dem den denne der deres det dette din du eller en er et etter for fordi fra før ham han hans har hadde hun hva hvem hvilke hvilken hvilket hvis hvor hvordan hvorfor når i ikke inn ja jeg kan kunne man mange med meg mellom men min mot ' +
    'mye må noe noen nå og også om opp oss over på seg sin skal skulle som så til under ut var ved vi vil ville være vært',
  fi: 'ei eivät emme en ennen että hän hänen heidän he ja jo joka joita joissa joista jonka jos jotka jälkeen kaikki kanssa keitä kenen ketkä koska koskaan kuin kuinka kuka kun kuten me mihin mikä miksi milloin millä millainen minä missä mistä mitkä mitä monta moni mukaan mutta myös ne niiden niin niitä no noin nyt ' +
    'nämä näiden ole oli olisi olivat olla on ovat paljonko se sekä sen siellä siihen sillä sitä tai tämä tämän tässä te vaan vai vaikka vain voi yli',
  hu: 'a ahogy aki akik amely amelyek ami amikor át az azok azon azonban azt be belül benne ből csak de e egy egyes egyik egyéb el ellen elő először és ez ezek ezen ezt fel felé ha hány hanem hogy hogyan hol honnan hova így igen illetve is itt ' +
    'jobban kell ki kik kinek között le legyen lehet lesz lett majd meg mely melyek melyik mellett mennyi mert mi mikor milyen mint mit miért minden más már még nagyon ne nem nincs ott pedig rá s saját sem sok szerint tehát több után újra új utolsó vagy van vannak volt voltak',
  ro: 'a acea aceasta această acel acela acest acesta aceste acești ai al ale am ar are as asta astfel au avea că când care cât câte câți ce cei cel cele cine cu cum da dacă dar de deci decât despre din după ea ei el ele era este eu fi fie fiind fost iar în între într la le li lor lui mai ' +
    'mult mulți ne ni noi nu o ori pe pentru poate prin sa sale sau se sub sunt și să te toate tot toți un una unde unei unele unor unui va vor',
  tr: 'acaba altı ama ancak aslında az bana bazı belki ben beni benim bir biri birkaç biz bizim bu buna bunda bundan bunu bunun çok çünkü da daha de defa değil diye en gibi göre hangi hangisi hem hep hepsi her hiç için ile ise kaç kadar ki kim kime kimi kimin mi mı mu mü nasıl ne neden ' +
    'nerede nereden nereye niçin niye olan olarak oldu olduğu o ona ondan onlar onu onun sana sen siz sonra şey şu tüm ve veya ya yani zaman',
  id: 'ada adalah agar akan aku anda apa apakah atau bagaimana bagi bahwa banyak beberapa belum berapa bisa bukan dalam dan dapat dari dengan di dia hanya harus ia ini itu jika juga kalau kami kamu kapan karena ke kepada ketika kita lebih maka mana mengapa menjadi mereka oleh ' +
    'pada para pernah saat saja sangat saya sebagai sebuah secara sedang seperti serta siapa sudah telah tentang terhadap tersebut tidak untuk yaitu yang',
  lt: 'apie ar arba aš bei bet bus buvo daug dėl iki ir iš į jau jei ji jie jis jo jos jų kad kada kai kaip kas ką kiek kieno kiti koks kokia kokie kodėl kuri kurie kuris kur kurių labai mano mes ne nei nes net nors nuo o pagal per po prie prieš savo su ta tai taip tarp tas tačiau tie tik to tu už visi yra',
  pl: 'a aby ale albo ani bardzo bez był była było były być by czego czemu czy dla dlaczego do gdy gdzie go i ich ile im ja jak jaka jaki jakie jako jakim jego jej jest jeszcze jeśli już kiedy kogo komu kto która które którego której który których którzy ku lub ma mają mi mnie może ' +
    'na nad nas nie nich nim niż o od ona one oni ono oraz po pod ponieważ poza przed przez przy są się skąd swoje ta tak także tam te tego tej ten to tu tych tylko tym u w we wiele z za ze że został została',
  cs: 'a aby aj ale ani asi až bez bude by byl byla byli bylo být co což či do ho i já jak jaká jaké jaký je jeho jej její jejich jen ještě již jsem jsme jsou k kam kde kdo kdy kolik která které který kteří ku ma mají má mezi mi mít my na nad nám nás ne nebo než nic o od on ona oni ono pak po ' +
    'pod podle pokud pro proč proto před při s se si sice své svůj ta tak také tato té ten tento to toho tom tu ty tyto u už v ve však z za ze že',
  vi: 'ai bao bằng bị bởi các cái cần chỉ cho có còn của cũng cứ đã đang đâu đây để đến đó được do gì hay hoặc khi không là lại làm mà mấy mỗi một nào này nên nếu nhiều những như nơi nó ở ra rằng rất sao sau sẽ so sự tại thế thì theo trong trước từ tới và vào vẫn về vì việc với',
  ga: 'ach ag agus an aon ar as ba bhí cad cá cathain cén cé chuig conas de do don faoi gan gur i idir is le leis mar mé na nach ní nó nuair ó seo sé sí siad sin tá tar the trí um',
  ru: 'а без более бы был была были было быть в вам вас весь во вот все всего всех вы где да даже для до его ее её если есть еще ещё же за здесь и из или им их к как какая какие каким каких какой каком какую ко когда кого кому которая которые который которого которой кто куда ли либо между меня мне много может мы на над надо нас наш не него ' +
    'нее неё нет ни них но ну о об однако он она они оно от откуда очень по под после потому почему при про с сам свой себя сколько со так также такой там те тем то того тоже той только том ты у уже хотя чего чей чем через что чтобы чьё эта эти это этого этой этом этот я',
  uk: 'а або але без бо був була були було бути в вам вас весь вже ви від він вона вони воно все де для до його є за з зі й і із їх їй її й як яка яке який які якої якого коли кого кому котрий крім куди між мене мені ми на над нам нас не нею них ні ніж о об однак он от по під після при про саме свій себе скільки та так також там те теж ти тим то того тоді той тому тут у усе хто це цей ця ці чи чим чого чому що щоб',
  bg: 'а ако ала аз без беше бил била били било бъде бяха в във вие всички да до другите е един една едно ето за защо и или им има имат иска й как каква какво какъв какви като кога когато което които кой която колко към къде ли между ме ми много може на над не него неговата нещо ние ни но някои о обаче от още по под при ' +
    'с са само се сега си след срещу според със такива също така те тези това този той тя у хора че чрез ще',
  sr: 'али без би био била били било бити да до где или из има из ја је јер јој кад када како ко која које који којој колико код на над не него није о од око он она они оно ово па по под после при са само се си су сам смо сте свој та тај те то тога тој у уз шта што чији зашто да би ' +
    'ali bez bi bio bila bili bilo biti da do gde gdje ili iz ima ja je jer kad kada kako ko tko koja koje koji koliko kod na nad ne nego nije od oko on ona oni ono ovo pa po pod posle pri sa samo se su sam smo ste ta taj te to toga u uz šta što zašto',
  el: 'αλλά αλλα αν αντί από απο αυτά αυτές αυτή αυτό αυτός αυτού αυτούς αυτών για δε δεν εάν είναι ειναι εκεί ένα ένας έχει έχουν ή η ήταν θα και κάθε κατά με μετά μέχρι μη μην μια μία μου να ο οι όμως όπως όπου όσο όταν ότι ού ούτε παρά ' +
    'ποια ποιά ποιες ποιο ποιό ποιοι ποιος ποιός ποιον που πού πότε πως πώς πόσο πόσα πόσοι πόσες πρέπει προς σαν σε στα στη στην στις στο στον στους στων τα τη την της τι τί τις το τον του τους των ως γιατί',
  ar: 'أ أن أنا أنت أو أي أين إذا إلا إلى إن أنه إنه أية بعد بل بين تحت تكون تلك تم التي الذي الذين اللذان ثم حتى حول حيث خلال ذلك سوف عبر على عليه عليها عن عند عندما غير ف فقط في فيه فيها قبل قد قال كان كانت كل كم كما كيف لا لقد لكن لم لماذا لن له لها لهذا ليس ما ماذا متى مع مثل من منذ منها منه مما نحو نحن هذا هذه هل هم هنا هناك هو هي و وفي وقد ولا وما ومن وهو وهي يكون يمكن',
  fa: 'آن آنها از است اگر اما ای این با باید بر برای بود بودند به بین تا چرا چند چه چگونه چیست خود در دو دیگر را شد شده کجا کدام کرد کرده که کی کنند کند می نیز نیست ها های هر هم همه هیچ و وی یا یک',
  he: 'אבל או אחרי איך איפה אל אלה אם אני אנחנו אשר את אתה בין בו בה גם הוא היא היה היו היתה הם הן זאת זה יותר יש כאשר כי כל כמה כן לא לו לה להם לפני מה מי מאיזה מתי על עם עד רק של שלא שלו שלה תחת איזה איזו מדוע למה',
  hi: 'अपना अपनी अपने अब और इस इसका इसकी इसके इसे उनका उनकी उनके उन्हें उस उसका उसकी उसके उसे एक एवं ऐसे ओर और कब कर करता करते करना करने कहाँ कहां का कि कितना कितने कितनी किन किस किसका किसने किसी की कुछ के को कोई कौन कौनसा कौनसी क्या क्यों गया गई गए जब जहाँ जिस जिसे जो तक तथा तो था थी थे द्वारा दिया ' +
    'न नहीं ने पर फिर बहुत बाद भी मगर में मैं यदि यह यहाँ या ये रहा रहे रही लिए लेकिन व वह वे सकता सकते सब साथ से हम ही हुआ हुई हुए है हैं हो होता होती होते होना',
  ne: 'अनि अब अरू आफ्नो उनको एक एउटा ऊ कति कसरी कसले कहाँ कहिले का कि किन कुन के को कोही गर्न गरेको गरेका छ छन् छैन जब जुन त तर तथा थियो थिए देखि नै पनि पर्छ भएको भने भन्दा म मा यस यो र रहेको लाई ले लागि वा सँग सो हुन हुने हुन्छ हो',
  ta: 'அந்த அல்லது அவர் அவர்கள் இது இந்த இவர் உள்ள எங்கு எங்கே எத்தனை எந்த எப்படி எப்போது என என்பது என்று என்ற என்ன ஏன் ஒரு கொண்டு தான் பல மற்றும் மேலும் யார் வேண்டும் போன்ற ஆகும் அது',
  hy: 'այդ այլ այն այս ում ինչ ինչպես ինչու դու դուք եմ են ենք ես եք է էի էին էինք էիր էիք էր ըստ թ ի ին իսկ իր կամ հետ համար հետո մենք մեջ մի ն նա նաև նրա նրանք որ որը որտեղ որոնք որպես ու ում ով պիտի վրա և երբ քանի',
  ko: '그 그리고 누가 누구 누구를 누구의 누구인가 누구인가요 누구입니까 두 또는 또한 몇 및 무슨 무엇 무엇이 무엇을 무엇인가 무엇인가요 무엇입니까 어느 어디 어디에 어디에서 어디서 어디인가 어떤 어떻게 언제 얼마나 왜 은 는 이 가 을 를 의 에 에서 와 과 수 있는 것은 것 인가 인가요 있습니까 있나요 하는 했는가 되었는가'
} satisfies Record<string, string>

export type Language = keyof typeof WORDS

/** In scripts without spaces: what asks, wherever it stands in a query. */
export const ASKING_RUNS = /为什么|為什麼|什么|什麼|怎么样|怎么|怎麼|如何|哪里|哪裡|哪些|哪个|哪個|哪|多少|几个|谁|誰|吗|嗎|呢|请问|請問|なぜ|どうして|どのように|どのような|どうやって|どの|どこ|どれ|どんな|だれ|いつ|いくつ|いくら|何ですか|でしょうか|ですか|ますか|ましたか|とは|何/gu

/** The function words of every language, as `words` of the analysis has them: lower case, marks included. */
export const FUNCTION_WORDS: ReadonlyMap<string, readonly Language[]> = byWord()

function byWord (): Map<string, Language[]> {
  const languages = new Map<string, Language[]>()
  for (const [language, words] of Object.entries(WORDS) as [Language, string][]) {
    for (const word of new Set(words.split(' '))) languages.set(word, [...languages.get(word) ?? [], language])
  }
  return languages
}

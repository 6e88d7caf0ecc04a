import { FUNCTION_WORDS } from './function-words.js'
import { folded } from './normalise.js'
import { tokens } from './words.js'

/** Words of a request for the whole of a document, not for a part of it; folded. */
const WORDS = new Set((
  'about abstract article attached attachment brief briefly content contents describe description document documents explain file files gist happens idea ideas key main outline overview paper pdf points quick ' +
 'report say says short story summaries summarise summarised summarize summarized summary takeaway takeaways text tldr topic topics upload uploaded ' +
 'anhang beschreibe datei dateien dokument dokumente dokuments fass fasse geht handelt hauptaussage hauptpunkte inhalt inhalts kernaussage kernaussagen kurz kurze text thema themen uberblick worum zusammen zusammenfassen zusammenfassung ' +
 'apercu contenu decris expose fichier fichiers idees parle principal principaux principales resume resumer resumez sujet texte traite ' +
 'archivo archivos contenido describe documento documentos ideas principales puntos resumelo resumen resumeme resumir resume tema temas texto trata ' +
 'argomento contenuto descrivi parla riassumere riassumi riassunto sintesi testo tratta arquivo conteudo ficheiro resuma resumo ' +
 'bestand gaat inhoud onderwerp overzicht samen samenvatten samenvatting tekst vat dokumentet sammanfatta sammanfattning handlar fil filen innehall opsummer resumer oppsummer oppsummering filen ' +
 'tiivista tiivistelma asiakirja tiedosto foglald ossze osszefoglalo dokumentum fajl rezumat rezuma fisier ozet ozetle belge dosya konu icerik ringkas ringkasan rangkum berkas dokumen isi ' +
 'podsumuj podsumowanie streszczenie stresc dokument dokumentu plik pliku shrn shrnuti soubor obsah tom tat tai lieu noi dung ' +
 'документ документа документе документу изложи изложите кратко краткое обзор перескажи резюме резюмируи содержание содержании суть текст текста теме тема фаил фаила фаиле фаилу документі зміст стислии підсумок ' +
 'εγγραφο εγγραφου περιληψη αρχειο κειμενο θεμα συνοψη لخص ملخص تلخيص المستند الملف الوثيقه النص محتوى موضوع خلاصه سند فايل متن סכם סיכום תקציר המסמך מסמך קובץ הקובץ सारांश दस्तावेज़ दस्तावेज फाइल विषय ' +
 'tl kyse executive rezumat rezumă documentul documentului fișierul textul szól szöveg szöveget dokumentumot fájlt összefoglaló asiakirjan asiakirjassa tiedostossa tekstin teksti tekst tekście dokumencie textu souboru ' +
 'підсумуй підсумок файл файлу тексту belgeyi belgenin dosyayı metni metin hakkında kısaca έγγραφο εγγράφου κειμένου μιλάει συντομία الوثيقة يتحدث تتحدث يدور दस्तावेज़ फ़ाइल สรุป เอกสาร ไฟล์ เนื้อหา บทความ เกี่ยวกับ เกี่ยว'
).split(' ').map(folded))
/** Words that say how it is to be done, and ask for nothing by themselves; folded. */
const HELPERS = new Set((
  'point happen write read list make create tell bullet bullets sentence sentences word words paragraph paragraphs page pages one two three four five ten information info covered cover covers contain contains contained included mentioned dr ' +
  'steht drei fünf satz sätze sätzen stichpunkte stichpunkten schreibe schreib erstelle gib erkläre enthält sag sage mal fais faire donne donnez phrase phrases lis lire contient dit moi haz hazme dame dice contiene frase frases explica fammi dammi fai frasi spiega ' +
  'faça fazer explique diz contém geef vertel beschrijf zinnen staat skriv ge berätta meningar kerro lyhyesti czym krótko mówi opisz opowiada zdaniach čem stručně popiš popis vetách írd röviden miről foglald össze vorba scurt fă spune ' +
  'чем чём сделай напиши краткий объясни опиши говорится идет идёт речь написано предложениях этот это зроби напиши коротко bana misin mısın anlat yaz εν για μου γράψε περίγραψε باختصار اشرح اكتب هذا दो दीजिए बताओ बताएं लिखो दें ' +
  'נא בקצרה תן לי כתוב นี้ อะไร กับ ให้ หน่อย ที่ ของ คือ ช่วย ใน มี ว่า dong tolong buatkan jelaskan singkat hãy giúp tôi ngắn gọn'
).split(' ').map(folded))
const NUMBER = /^\p{Nd}{1,2}$/u
const RUNS = /总结|總結|概括|概述|摘要|总览|文档|文檔|文件|文章|内容|內容|主要|大意|讲|講|说|說|关于|關於|这个|這個|这份|這份|这篇|這篇|要約|要旨|まとめ|概要|文書|ドキュメント|ファイル|資料|本文|教え|説明|何について|書かれて|요약|정리|문서|파일|내용|주제|개요/u
/** What a run may be made of that asks for a whole. */
const PIECES = new Set((
  '总结 總結 概括 概述 摘要 总览 文档 文檔 文件 文章 内容 內容 主要 大意 要約 要旨 まとめ 概要 文書 ドキュメント ファイル 資料 本文 教え 説明 讲 講 说 說 关于 關於 这个 這個 这份 這份 这篇 這篇 一下 是 的 了 请 請 帮 幫 我 它 是什么 什么 什麼 何 この ' +
  'その を に は が の て で し す る た ください 下さい ですか ますか について 書かれ 書い います こと どんな どういう 簡単 短く 簡潔 全体 お願い い ま か お ど 简要 简单 簡單 简短 一个 一份 有 哪些 写 寫 用 句话 三 给 給 吗 嗎 요약 정리 문서 파일 ' +
  '내용 주제 개요 이 그 을 를 의 해 줘 주세요 하세요 무엇 에 대해 대한 인가요 인가 입니까 은 는 가 에서 로 뭐야 뭐 알려 말해 설명 간단히 짧게 있나요 있 나요 요'
).split(' '))
const LONGEST_PIECE = Math.max(...[...PIECES].map(piece => piece.length))

/** Whether a run is nothing but pieces, in time that grows with its length alone: pieces are in one another, so that it can be cut in very many ways. */
function isOfPieces (run: string): boolean {
  const isEnd = new Uint8Array(run.length + 1)
  isEnd[0] = 1
  for (let end = 1; end <= run.length; end++) {
    for (let length = 1; length <= Math.min(end, LONGEST_PIECE) && isEnd[end] === 0; length++) {
      if (isEnd[end - length] === 1 && PIECES.has(run.slice(end - length, end))) isEnd[end] = 1
    }
  }
  return isEnd[run.length] === 1
}

/** Whether a query asks for a document as a whole: `Summarise the file`, `Worum geht es?`, `总结这个文档`. Then no passage answers it better than another. */
export function isAboutWhole (query: string): boolean {
  let asks = false
  for (const { kind, text } of tokens(query)) {
    const lower = text.toLowerCase()
    if (kind === 'run') {
      if (!isOfPieces(lower)) return false
      asks ||= RUNS.test(lower)
    } else {
      const isOfWhole = WORDS.has(folded(lower))
      if (!isOfWhole && !FUNCTION_WORDS.has(lower) && !HELPERS.has(folded(lower)) && !NUMBER.test(lower)) return false
      asks ||= isOfWhole
    }
  }
  return asks
}

import { FUNCTION_WORDS } from './function-words.js'
import { folded } from './normalise.js'
import { tokens } from './words.js'

/** Words of a request for the whole of a document, not for a part of it; folded. */
const WORDS = new Set((
  'about abstract article attached attachment brief briefly content contents describe description document documents explain file files gist happen happens idea ideas key main outline overview paper pdf point points quick ' +
 'report say says short story summaries summarise summarised summarize summarized summary takeaway takeaways text tldr topic topics upload uploaded ' +
 'anhang beschreibe datei dateien dokument dokumente dokuments fass fasse geht handelt hauptaussage hauptpunkte inhalt inhalts kernaussage kernaussagen kurz kurze text thema themen uberblick worum zusammen zusammenfassen zusammenfassung ' +
 'apercu contenu decris expose fichier fichiers idees parle principal principaux principales resume resumer resumez sujet texte traite ' +
 'archivo archivos contenido describe documento documentos ideas principales puntos resumelo resumen resumeme resumir resume tema temas texto trata ' +
 'argomento contenuto descrivi parla riassumere riassumi riassunto sintesi testo tratta arquivo conteudo ficheiro resuma resumo ' +
 'bestand gaat inhoud onderwerp overzicht samen samenvatten samenvatting tekst vat dokumentet sammanfatta sammanfattning handlar fil filen innehall opsummer resumer oppsummer oppsummering filen ' +
 'tiivista tiivistelma asiakirja tiedosto foglald ossze osszefoglalo dokumentum fajl rezumat rezuma fisier ozet ozetle belge dosya konu icerik ringkas ringkasan rangkum berkas dokumen isi ' +
 'podsumuj podsumowanie streszczenie stresc dokument dokumentu plik pliku shrn shrnuti soubor obsah tom tat tai lieu noi dung ' +
 'документ документа документе документу изложи изложите кратко краткое обзор перескажи резюме резюмируи содержание содержании суть текст текста теме тема фаил фаила фаиле фаилу документі зміст стислии підсумок ' +
 'εγγραφο εγγραφου περιληψη αρχειο κειμενο θεμα συνοψη لخص ملخص تلخيص المستند الملف الوثيقه النص محتوى موضوع خلاصه سند فايل متن סכם סיכום תקציר המסמך מסמך קובץ הקובץ सारांश दस्तावेज़ दस्तावेज फाइल विषय'
).split(' ').map(folded))
const RUNS = /总结|總結|概括|概述|摘要|总览|文档|文檔|文件|文章|内容|內容|主要|大意|讲|講|说|說|关于|關於|这个|這個|这份|這份|这篇|這篇|要約|要旨|まとめ|概要|文書|ドキュメント|ファイル|資料|本文|教え|説明|요약|정리|문서|파일|내용|주제|개요/u
const ENOUGH_OF_A_RUN = /^(?:总结|總結|概括|概述|摘要|总览|文档|文檔|文件|文章|内容|內容|主要|大意|要約|要旨|まとめ|概要|文書|ドキュメント|ファイル|資料|本文|教え|説明|讲|講|说|說|关于|關於|这个|這個|这份|這份|这篇|這篇|一下|是|的|了|请|請|帮|幫|我|它|是什么|什么|什麼|何|この|その|を|に|は|が|の|て|で|し|す|る|た|ください|下さい|ですか|ますか|요약|정리|문서|파일|내용|주제|개요|이|그|을|를|의|해|줘|주세요|하세요|무엇|에|대해|대한|인가요|입니까)+$/u

/** Whether a query asks for a document as a whole: `Summarise the file`, `Worum geht es?`, `总结这个文档`. Then no passage answers it better than another. */
export function isAboutWhole (query: string): boolean {
  let asks = false
  for (const { kind, text } of tokens(query)) {
    const lower = text.toLowerCase()
    if (kind === 'run') {
      if (!ENOUGH_OF_A_RUN.test(lower)) return false
      asks ||= RUNS.test(lower)
    } else {
      const isOfWhole = WORDS.has(folded(lower))
      if (!isOfWhole && !FUNCTION_WORDS.has(lower)) return false
      asks ||= isOfWhole
    }
  }
  return asks
}

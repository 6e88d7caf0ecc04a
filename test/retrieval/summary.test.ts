import { test } from 'tap'
import { isAboutWhole } from '../../lib/retrieval/analysis/summary.js'

test('a request for a whole document is known in many languages, and a question for a part of it is none', t => {
  const whole = [
    'Summarise the document', 'What is this about?', 'What is it about?', 'give me a summary', 'tl;dr', 'TLDR', 'Summarize this PDF for me please', 'Can you summarize the attached file?', 'what does the file say',
    'overview of the report', 'key points', 'What are the main points of the document?', 'Give me the gist', 'Worum geht es in dem Dokument?', 'Fasse das Dokument zusammen', 'Zusammenfassung bitte',
    'Was steht in der Datei?', 'Bitte fasse den Text kurz zusammen.', 'Résume le document', 'De quoi parle ce texte ?', 'Fais un résumé du fichier', 'Quel est le sujet du document ?', 'Resume el documento',
    '¿De qué trata el texto?', 'Hazme un resumen', 'Riassumi il documento', 'Di cosa parla il testo?', 'Fammi un riassunto', 'Resuma o documento', 'Do que trata o arquivo?', 'Faça um resumo', 'Vat het document samen',
    'Waar gaat het document over?', 'Sammanfatta dokumentet', 'Vad handlar dokumentet om?', 'Tiivistä asiakirja', 'Mistä tässä on kyse?', 'Podsumuj dokument', 'O czym jest ten dokument?', 'Shrň dokument',
    'O čem je ten text?', 'О чём этот документ?', 'Кратко изложи содержание', 'Сделай краткое резюме документа', 'О чем файл?', 'Перескажи текст', 'Про що цей документ?', 'Підсумуй документ', 'Belgeyi özetle',
    'Bu belge ne hakkında?', 'Εν συντομία το έγγραφο', 'Για τι μιλάει το κείμενο;', 'لخص المستند', 'عن ماذا يتحدث الملف؟', 'סכם את המסמך', 'על מה המסמך?', '总结这个文档', '这篇文章讲了什么？', '概括主要内容', '請總結文件', 'この文書を要約して',
    'この資料の概要を教えてください', '何について書かれていますか', '이 문서를 요약해 줘', '문서의 내용은 무엇인가요?', 'इस दस्तावेज़ का सारांश दें', 'สรุปเอกสารนี้', 'เอกสารนี้เกี่ยวกับอะไร', 'Tóm tắt tài liệu này', 'Tài liệu này nói về gì?', 'Ringkas dokumen ini',
    'Dokumen ini tentang apa?', 'explain this document', 'describe the contents of the file', 'Summarise both documents', 'Write a short summary of the uploaded files', 'What topics are covered?', 'outline',
    'main ideas', 'Opsummer dokumentet', 'Oppsummer dokumentet', 'Foglald össze a dokumentumot', 'Miről szól a dokumentum?', 'Rezumă documentul', 'Despre ce este vorba în document?', 'Summarise in three sentences',
    'Summarize in bullet points', 'Fasse in drei Sätzen zusammen', 'executive summary', 'Give me a brief overview of this', 'What information is in this file?', 'read the document'
  ]
  const part = [
    'summary of the rental contract termination clause', 'What is photosynthesis?', 'document retention policy', 'report deadline 2024', 'key lime pie', 'story of Jack', 'Wie hoch ist die Miete?', 'text editor',
    'sujet de thèse de Marie', 'main street', 'point of sale', 'happen', 'Summarise the chapter on penguins', 'Worum geht es in Paragraf 5 der Satzung?', '合同的违约金是多少', '契約の期間は何年ですか'
  ]
  for (const query of whole) t.equal(isAboutWhole(query), true, query)
  for (const query of part) t.equal(isAboutWhole(query), false, query)
  t.end()
})

test('a query that can be cut into its parts in more ways than there are atoms is read to its end', t => {
  t.equal(isAboutWhole('ですか'.repeat(1_000)), false)
  t.equal(isAboutWhole(`要約${'ですか'.repeat(1_000)}`), true)
  t.equal(isAboutWhole(`要約${'ですか'.repeat(1_000)}猫`), false)
  t.end()
})

import type { DocumentLimits, Section } from './document.js'
import type { RecogniseText } from './ocr.js'

/** What a reader is given besides the bytes. */
export interface ReadContext {
  limits: DocumentLimits
  filename: string
  /** Reads pictures of text; undefined where that is not wanted. Throws a `DocumentError` when what it needs is not there. */
  recognise: RecogniseText | undefined
  /** Reads a document that is inside of this one, such as the attachment of a mail: undefined when it is of no kind that is read, or broken. */
  readInner: (filename: string, bytes: Uint8Array) => Promise<Section[] | undefined>
}

/** The text of a document, by page where its kind has pages. Throws a `DocumentError`; whatever else it throws is the document's fault. */
export type ReadDocument = (bytes: Uint8Array, context: ReadContext) => Section[] | Promise<Section[]>

interface Kind {
  /** Names that files of this kind have. */
  extensions: readonly string[]
  /** Those among them that OpenAI's file search takes (API reference, "File search", supported files). */
  openai: readonly string[]
  /** Loads the reader when the first document of the kind comes. */
  load: () => Promise<{ read: ReadDocument }>
}

const list = (names: string): readonly string[] => names.trim().split(/\s+/)

const OPENAI_TEXT = list('c cpp cs css go java js json md php py rb sh tex ts txt')

const OTHER_TEXT = list(`
  adoc asc asciidoc asm bash bat bib bibtex cc cfg cjs clj cljs cmake cmd conf coffee csv cts cxx d dart diff dtd edn ejs el elm env erb erl ex exs f90 fish fs fsx gd geojson
  gradle graphql gql groovy h hcl hh hpp hrl hs hxx ics ini ipynb jl jsonc json5 jsonl jsx kt kts ldif less lisp log lua m mak markdown mdx mjs mk ml mli mm mts ndjson nfo nim nix org
  pas patch pl pm po pot properties proto ps1 psm1 puml pyi r rake rego rest rkt rs rst sass sbt scala scm scss sol sql srt sty sv svelte svg swift tab tcl text textile tf tfvars
  thrift toml tsv tsx vb vcf vim vtt vue wiki wsdl xml xsd xsl xslt yaml yml zig zsh`)

/** Every kind of document that is read. */
export const KINDS = {
  text: { extensions: [...OPENAI_TEXT, ...OTHER_TEXT], openai: OPENAI_TEXT, load: async () => await import('./text/read.js') },
  html: { extensions: ['html', 'htm', 'xhtml'], openai: ['html', 'htm'], load: async () => await import('./html/read.js') },
  pdf: { extensions: ['pdf'], openai: ['pdf'], load: async () => await import('./pdf/read.js') },
  docx: { extensions: ['docx', 'docm', 'dotx', 'dotm'], openai: ['docx'], load: async () => await import('./ooxml/docx.js') },
  pptx: { extensions: ['pptx', 'pptm', 'ppsx', 'potx'], openai: ['pptx'], load: async () => await import('./ooxml/pptx.js') },
  doc: { extensions: ['doc', 'dot'], openai: ['doc'], load: async () => await import('./doc.js') },
  // On OpenAI's list under the name of Word's format.
  rtf: { extensions: ['rtf'], openai: [], load: async () => await import('./rtf/read.js') },
  spreadsheet: { extensions: ['xlsx', 'xlsm', 'xlsb', 'xls', 'xltx', 'xltm'], openai: [], load: async () => await import('./spreadsheet.js') },
  opendocument: { extensions: ['odt', 'ods', 'odp', 'ott', 'ots', 'otp', 'fodt', 'fods', 'fodp'], openai: [], load: async () => await import('./opendocument/read.js') },
  epub: { extensions: ['epub'], openai: [], load: async () => await import('./epub.js') },
  eml: { extensions: ['eml', 'mht', 'mhtml'], openai: [], load: async () => await import('./mail/eml.js') },
  msg: { extensions: ['msg', 'oft'], openai: [], load: async () => await import('./mail/msg.js') }
} satisfies Record<string, Kind>

export type KindName = keyof typeof KINDS

/** Which files are read: those that OpenAI's file search takes, or all kinds that are known here. */
export type ExtensionSet = 'openai' | 'all'

const TABLES: Record<ExtensionSet, ReadonlyMap<string, KindName>> = { openai: table('openai'), all: table('extensions') }

function table (names: 'openai' | 'extensions'): Map<string, KindName> {
  return new Map((Object.keys(KINDS) as KindName[]).flatMap(kind => KINDS[kind][names].map((extension): [string, KindName] => [extension, kind])))
}

/** The kind that an extension stands for, without its dot and in lower case. */
export const kindOfExtension = (extension: string, set: ExtensionSet): KindName | undefined => TABLES[set].get(extension)

/** Whether the set has documents of a kind, under whatever name. */
export const isInSet = (kind: KindName, set: ExtensionSet): boolean => KINDS[kind][set === 'all' ? 'extensions' : 'openai'].length > 0

import { Marked, type Token, type Tokens } from 'marked'
import { Component, type ComponentChild } from 'preact'
import { useMemo } from 'preact/hooks'
import { Code } from './ui/parts.js'

/** Only these are made into links; anything else, `javascript:` above all, stays text. */
const LINK = /^(https?:|mailto:)/i

/** Quotes or lists within each other, more of them than anyone writes: to read them takes time that grows with the square of their number. */
const TOO_DEEP = /^(?:[ \t]*>){40}|^[ \t]{120,}(?:[-+*]|\d+[.)])[ \t]/m

/** What else becomes of parts of a text. */
export interface Extras {
  /** Of a text between two markers of citations, or of such a marker: `【4:0†name】`. */
  inline?: (text: string) => ComponentChild
  /** Of a link to what no browser can open, such as `sandbox:/mnt/data/plot.png`; undefined for one to leave as it was written. */
  link?: (href: string, text: ComponentChild) => ComponentChild | undefined
}

const reader = new Marked({
  gfm: true,
  extensions: [{
    name: 'marker',
    level: 'inline',
    start: (text: string) => text.indexOf('【'),
    // As a whole: there may be anything in the name of a file.
    tokenizer (text: string) {
      const [raw] = /^【[^【】]*】/.exec(text) ?? []
      return raw === undefined ? undefined : { type: 'marker', raw }
    }
  }]
})

/**
 * What a model wrote, as Markdown. It is read into tokens and those become elements one by one: no string is ever taken for markup, and
 * HTML within it is shown as the text that it is.
 *
 * @param extras other elements for some of its parts; those of earlier blocks are made anew only when it is another object
 */
export function Markdown ({ text, extras }: { text: string, extras: Extras }) {
  const tokens = useMemo(() => tokensOf(text), [text])
  if (tokens === undefined) return <p class='plain' dir='auto'>{text}</p>
  return <div class='markdown'>{tokens.map((token, index) => <Block key={index} token={token} extras={extras} />)}</div>
}

function tokensOf (text: string): Token[] | undefined {
  if (TOO_DEEP.test(text)) return undefined
  try {
    return reader.lexer(text)
  } catch {
    return undefined
  }
}

/** While an answer grows, all of its blocks but the last one stay as they are. */
class Block extends Component<{ token: Token, extras: Extras }> {
  override shouldComponentUpdate (next: { token: Token, extras: Extras }): boolean {
    return next.token.raw !== this.props.token.raw || next.token.type !== this.props.token.type || next.extras !== this.props.extras
  }

  override render (): ComponentChild {
    return block(this.props.token, this.props.extras)
  }
}

const blocks = (tokens: readonly Token[], extras: Extras): ComponentChild[] => tokens.map(token => block(token, extras))

function block (token: Token, extras: Extras): ComponentChild {
  switch (token.type) {
    case 'space': case 'def': return null
    case 'heading': return heading(token as Tokens.Heading, extras)
    case 'paragraph': return <p dir='auto'>{spans(token.tokens, extras)}</p>
    case 'blockquote': return <blockquote dir='auto'>{blocks(token.tokens ?? [], extras)}</blockquote>
    case 'code': return <Code text={token.text} label='code' />
    case 'hr': return <hr />
    case 'list': return list(token as Tokens.List, extras)
    case 'table': return table(token as Tokens.Table, extras)
    case 'checkbox': return <input type='checkbox' disabled checked={token.checked} aria-label={token.checked === true ? 'Done' : 'To do'} />
    case 'text': return token.tokens === undefined ? written(token, extras) : <>{spans(token.tokens, extras)}</>
    default: return <p dir='auto'>{token.raw}</p>
  }
}

/** Below the headings of the page itself. */
function heading ({ depth, tokens }: Tokens.Heading, extras: Extras): ComponentChild {
  return <p class={`heading level-${depth}`} dir='auto'>{spans(tokens, extras)}</p>
}

function list ({ ordered, start, items }: Tokens.List, extras: Extras): ComponentChild {
  const rows = items.map(item => <li class={item.task ? 'task' : undefined} dir='auto'>{blocks(item.tokens, extras)}</li>)
  return ordered ? <ol start={Number(start)}>{rows}</ol> : <ul>{rows}</ul>
}

function table ({ header, rows }: Tokens.Table, extras: Extras): ComponentChild {
  return (
    <div class='table-wrap' tabIndex={0} role='group' aria-label='Table'>
      <table>
        <thead><tr>{header.map(cell => <th scope='col' dir='auto'>{spans(cell.tokens, extras)}</th>)}</tr></thead>
        <tbody>{rows.map(row => <tr>{row.map(cell => <td dir='auto'>{spans(cell.tokens, extras)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  )
}

const spans = (tokens: readonly Token[] | undefined, extras: Extras): ComponentChild[] => (tokens ?? []).map(token => span(token, extras))

function span (token: Token, extras: Extras): ComponentChild {
  switch (token.type) {
    case 'strong': return <strong>{spans(token.tokens, extras)}</strong>
    case 'em': return <em>{spans(token.tokens, extras)}</em>
    case 'del': return <del>{spans(token.tokens, extras)}</del>
    case 'codespan': return <code>{token.text}</code>
    case 'br': return <br />
    case 'link': return LINK.test(token.href) ? outward(token.href, spans(token.tokens, extras)) : extras.link?.(token.href, spans(token.tokens, extras)) ?? token.raw
    // Nothing is fetched from elsewhere: an image is a link to it.
    case 'image': {
      const name = token.text === '' ? token.href : token.text
      return LINK.test(token.href) ? outward(token.href, name) : extras.link?.(token.href, name) ?? token.raw
    }
    case 'escape': return token.text
    case 'text': return written(token, extras)
    case 'marker': return extras.inline?.(token.raw) ?? token.raw
    default: return token.raw
  }
}

const outward = (href: string, text: ComponentChild): ComponentChild => <a href={href} target='_blank' rel='noopener noreferrer'>{text}</a>

const NAMED: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: '\'',
  nbsp: '\u00a0',
  copy: '©',
  reg: '®',
  trade: '™',
  hellip: '…',
  mdash: '—',
  ndash: '–',
  times: '×',
  deg: '°',
  euro: '€',
  bull: '•',
  middot: '·',
  rarr: '→',
  larr: '←',
  laquo: '«',
  raquo: '»',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”'
}

/** The lexer leaves text as it was written, with its entities: those that models write are read here. */
function written (token: Token, { inline = text => text }: Extras): ComponentChild {
  return inline((token as Tokens.Text).text.replace(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w{2,6}));/g, (entity, decimal?: string, hex?: string, name = '') => {
    if (decimal === undefined && hex === undefined) return Object.hasOwn(NAMED, name as string) ? NAMED[name as string]! : entity
    const code = Number.parseInt(decimal ?? hex!, decimal === undefined ? 16 : 10)
    return code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? '\ufffd' : String.fromCodePoint(code)
  }))
}

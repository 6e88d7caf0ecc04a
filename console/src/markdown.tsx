import { marked, type Token, type Tokens } from 'marked'
import type { ComponentChild } from 'preact'
import { Code } from './ui/parts.js'

/** Only these are made into links; anything else, `javascript:` above all, stays text. */
const LINK = /^(https?:|mailto:)/i

/**
 * What a model wrote, as Markdown. It is read into tokens and those become elements one by one: no string is ever taken for markup, and
 * HTML within it is shown as the text that it is.
 *
 * @param inline makes something else of parts of the text: citations of their markers
 */
export function Markdown ({ text, inline = value => value }: { text: string, inline?: (text: string) => ComponentChild }) {
  return <div class='markdown'>{blocks(marked.lexer(text, { gfm: true }), inline)}</div>
}

type Inline = (text: string) => ComponentChild

const blocks = (tokens: readonly Token[], inline: Inline): ComponentChild[] => tokens.map(token => block(token, inline))

function block (token: Token, inline: Inline): ComponentChild {
  switch (token.type) {
    case 'space': case 'def': return null
    case 'heading': return heading(token as Tokens.Heading, inline)
    case 'paragraph': return <p>{spans(token.tokens, inline)}</p>
    case 'blockquote': return <blockquote>{blocks(token.tokens ?? [], inline)}</blockquote>
    case 'code': return <Code text={token.text} label='code' />
    case 'hr': return <hr />
    case 'list': return list(token as Tokens.List, inline)
    case 'table': return table(token as Tokens.Table, inline)
    case 'text': return token.tokens === undefined ? inline(unescaped(token)) : <>{spans(token.tokens, inline)}</>
    default: return <p>{inline(token.raw)}</p>
  }
}

/** Below the headings of the page itself. */
function heading ({ depth, tokens }: Tokens.Heading, inline: Inline): ComponentChild {
  return <p class={`heading level-${depth}`}>{spans(tokens, inline)}</p>
}

function list ({ ordered, start, items }: Tokens.List, inline: Inline): ComponentChild {
  const rows = items.map(item => <li>{blocks(item.tokens, inline)}</li>)
  return ordered ? <ol start={Number(start)}>{rows}</ol> : <ul>{rows}</ul>
}

function table ({ header, rows }: Tokens.Table, inline: Inline): ComponentChild {
  return (
    <div class='table-wrap' tabIndex={0} role='group' aria-label='Table'>
      <table>
        <thead><tr>{header.map(cell => <th scope='col'>{spans(cell.tokens, inline)}</th>)}</tr></thead>
        <tbody>{rows.map(row => <tr>{row.map(cell => <td>{spans(cell.tokens, inline)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  )
}

const spans = (tokens: readonly Token[] | undefined, inline: Inline): ComponentChild[] => (tokens ?? []).map(token => span(token, inline))

function span (token: Token, inline: Inline): ComponentChild {
  switch (token.type) {
    case 'strong': return <strong>{spans(token.tokens, inline)}</strong>
    case 'em': return <em>{spans(token.tokens, inline)}</em>
    case 'del': return <del>{spans(token.tokens, inline)}</del>
    case 'codespan': return <code>{token.text}</code>
    case 'br': return <br />
    case 'link': return LINK.test(token.href) ? <a href={token.href} target='_blank' rel='noopener noreferrer'>{spans(token.tokens, inline)}</a> : inline(token.raw)
    // Nothing is fetched from elsewhere: an image is a link to it.
    case 'image': return LINK.test(token.href) ? <a href={token.href} target='_blank' rel='noopener noreferrer'>{token.text === '' ? token.href : token.text}</a> : inline(token.raw)
    case 'escape': return token.text
    case 'text': return inline(unescaped(token))
    default: return inline(token.raw)
  }
}

/** The lexer leaves text as it was written. */
const unescaped = (token: Token): string => (token as Tokens.Text).text

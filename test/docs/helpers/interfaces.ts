import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { root } from '../../helpers/paths.js'

export interface Member {
  name: string
  type: string
  isOptional: boolean
  /** The docstring in one line. */
  about: string
}

/** The members of an interface as its source has them, without those that it inherits. */
export function membersOf (path: string, name: string): Member[] {
  const source = ts.createSourceFile(path, readFileSync(join(root, path), 'utf8'), ts.ScriptTarget.ES2023, true)
  const declaration = source.statements.find(statement => ts.isInterfaceDeclaration(statement) && statement.name.text === name) as ts.InterfaceDeclaration | undefined
  if (declaration === undefined) throw new Error(`There is no interface ${name} in ${path}.`)
  return declaration.members.map(member => ({
    name: member.name!.getText(),
    type: ts.isPropertySignature(member) ? member.type!.getText() : 'function',
    isOptional: member.questionToken !== undefined,
    about: ts.getJSDocCommentsAndTags(member).flatMap(comment => ts.getTextOfJSDocComment(comment.comment) ?? []).join(' ').replace(/\s+/g, ' ')
  }))
}

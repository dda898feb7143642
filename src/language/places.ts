// Places of syntax nodes, and the comments that belong to them.

import { type AstNode, CstUtils, GrammarUtils } from 'langium';
import type { SourceRange } from '../shared/source.ts';

export function rangeOf(node: AstNode, uri: string): SourceRange {
  const range = node.$cstNode?.range;
  if (range === undefined) return nowhere(uri);
  return {
    uri,
    start: { line: range.start.line, column: range.start.character },
    end: { line: range.end.line, column: range.end.character },
  };
}

/** The range of one property of a node: the name of a cell, the second setting. */
export function rangeOfProperty(node: AstNode, property: string, uri: string, index?: number): SourceRange {
  const found = GrammarUtils.findNodeForProperty(node.$cstNode, property, index)?.range;
  if (found === undefined) return rangeOf(node, uri);
  return {
    uri,
    start: { line: found.start.line, column: found.start.character },
    end: { line: found.end.line, column: found.end.character },
  };
}

const nowhere = (uri: string): SourceRange => ({ uri, start: { line: 0, column: 0 }, end: { line: 0, column: 0 } });

/** The doc comment above an item: its `///` lines, or the lines of a `/**` comment. Markdown. */
export function docComment(node: AstNode): string | undefined {
  const cst = node.$cstNode;
  if (cst === undefined) return undefined;
  const lines = cst.root.fullText.slice(0, cst.offset).split('\n').slice(0, -1);
  const found: string[] = [];
  for (let line = lines.pop(); line !== undefined; line = lines.pop()) {
    const match = /^\s*\/\/\/ ?(.*)$/.exec(line.trimEnd());
    if (match === null) break;
    found.unshift(match[1]!);
  }
  return found.length === 0 ? undefined : found.join('\n');
}

/** The comment at the end of a node's line, without its slashes. */
export function lineComment(node: AstNode): string | undefined {
  const cst = node.$cstNode;
  if (cst === undefined) return undefined;
  const [rest = ''] = cst.root.fullText.slice(cst.end).split('\n', 1);
  const match = /^[\s,]*\/\/\s*(.*)$/.exec(rest.trimEnd());
  return match === null || match[1] === '' ? undefined : match[1];
}

/** The text of a node on one line, its comments gone. */
export function textOf(node: AstNode): string {
  const text = node.$cstNode?.text ?? '';
  return text
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/\/\/[^\n]*/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

export const isInside = (offset: number, node: AstNode): boolean => {
  const cst = node.$cstNode;
  return cst !== undefined && cst.offset <= offset && offset <= cst.end;
};

export const leafAt = (root: AstNode, offset: number): AstNode | undefined =>
  root.$cstNode === undefined ? undefined : CstUtils.findLeafNodeAtOffset(root.$cstNode, offset)?.astNode;

/** A path relative to the folder of another file. */
export function besides(file: string, relative: string): string {
  if (/^([A-Za-z]:)?[\\/]/.test(relative)) return relative;
  const parts = file.split(/[\\/]/).slice(0, -1);
  for (const part of relative.split(/[\\/]/)) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  return parts.join('/');
}

// A file parsed item by item, so that an edit costs the parse of one item.
//
// Wherever an item can only begin, everything open is closed (lexer.ts); so a text falls into pieces at those lines, and each piece parses
// by itself as it does in its file. A piece whose text was there before is taken over with its tree, whose places are moved: the trees of
// earlier parses are then no longer where they say. A piece is parsed behind a comment of as many lines as there are before it, so that lines
// are right from the start, and before the beginning of another item, so that it ends as it does in the file.

import { type AstNode, type CstNode, RootCstNodeImpl } from 'langium';
import type { Fault } from '../../shared/source.ts';
import type { File } from '../generated/ast.ts';
import { type Parsed, parseFile } from './parser.ts';

interface Piece {
  readonly text: string;
  readonly isLast: boolean;
  /** Where it begins now. */
  offset: number;
  line: number;
  readonly items: File['items'];
  readonly content: readonly CstNode[];
  readonly leaves: readonly Leaf[];
  readonly composites: readonly Composite[];
  readonly faults: readonly Fault[];
}

/** What an earlier parse left, by path. */
export type Pieces = Map<string, readonly Piece[]>;

export function parsePieces(text: string, uri: string, kept: Pieces = new Map()): Parsed<File> {
  const known = new Map<string, Piece[]>();
  for (const piece of kept.get(uri) ?? []) known.set(piece.text, [...(known.get(piece.text) ?? []), piece]);
  const pieces = piecesOf(text).map(({ text: own, offset, line, isLast }): Piece => {
    const same = known.get(own);
    const at = same?.findIndex((piece) => piece.isLast === isLast && (piece.line === line || piece.faults.length === 0)) ?? -1;
    const piece = at < 0 ? parsePiece(own, uri, line, isLast) : same!.splice(at, 1)[0]!;
    move(piece, offset, line);
    return piece;
  });
  kept.set(uri, pieces);
  return { tree: joined(text, pieces), faults: pieces.flatMap(({ faults }) => faults) };
}

/** What begins an item and nothing else, at the beginning of a line: as whatBegins in lexer.ts has it. */
const begins =
  /[ \t]*(?:(?:cell|model|train|generate|data)[ \t]+[\p{L}_][\p{L}\p{M}\p{N}_]*[ \t]*(?:[({=](?!=)|on\b(?![\p{L}\p{M}\p{N}_]))|use[ \t]*"[^"\\\n\r]*")/uy;

function piecesOf(text: string): { text: string; offset: number; line: number; isLast: boolean }[] {
  const starts: { offset: number; line: number }[] = [{ offset: 0, line: 0 }];
  const stops = /\n|\/\/|\/\*|"/g;
  let line = 0;
  for (let found = stops.exec(text); found !== null; found = stops.exec(text)) {
    const at = found.index;
    if (found[0] === '\n') {
      line += 1;
      begins.lastIndex = at + 1;
      if (begins.test(text)) starts.push({ offset: at + 1, line });
    } else if (found[0] === '//') {
      const end = text.indexOf('\n', at);
      if (end < 0) break;
      stops.lastIndex = end;
    } else if (found[0] === '/*') {
      const end = text.indexOf('*/', at + 2);
      if (end < 0) continue;
      for (let k = text.indexOf('\n', at); k >= 0 && k < end; k = text.indexOf('\n', k + 1)) line += 1;
      stops.lastIndex = end + 2;
    } else {
      quoted.lastIndex = at;
      stops.lastIndex = at + (quoted.exec(text)?.[0].length ?? 1);
    }
  }
  return starts.map(({ offset, line: first }, k) => {
    const end = starts[k + 1]?.offset ?? text.length;
    return { text: text.slice(offset, end), offset, line: first, isLast: k + 1 === starts.length };
  });
}

const quoted = /"(?:[^"\\\n\r]|\\.)*"/y;

function parsePiece(text: string, uri: string, line: number, isLast: boolean): Piece {
  const before = line === 0 ? '' : `/*${'\n'.repeat(line - 1)}*/\n`;
  const { tree, faults } = parseFile(isLast ? before + text : `${before}${text}use ""`, uri);
  const offset = before.length;
  const end = offset + text.length;
  const lastLine = line + text.split('\n').length - 1;
  const items = tree.items.filter(({ $cstNode }) => $cstNode !== undefined && $cstNode.offset < end);
  const content = between((tree.$cstNode as Composite | undefined)?.content ?? [], offset, end);
  const own = faults.filter(({ range }) => range.start.line >= line && (isLast || range.start.line < lastLine));
  const leaves: Leaf[] = [];
  const composites: Composite[] = [];
  const collect = (nodes: readonly CstNode[]): void => {
    for (const node of nodes) {
      if (isComposite(node)) {
        composites.push(node);
        collect(node.content);
      } else leaves.push(node as Leaf);
    }
  };
  collect(content);
  return { text, isLast, offset, line, items, content, leaves, composites, faults: own };
}

/** Nodes of the concrete syntax as Langium makes them. */
type Composite = CstNode & { content: CstNode[]; _rangeCache?: unknown; container?: CstNode };
type Leaf = CstNode & { _offset: number; _startLine: number; _endLine: number };

const isComposite = (node: CstNode): node is Composite => 'content' in node;

/** Without what is before `start` or behind `end`. */
function between(nodes: readonly CstNode[], start: number, end: number): CstNode[] {
  return nodes.filter((node) => {
    if (!isComposite(node)) return node.offset >= start && node.offset < end;
    node.content = between(node.content, start, end);
    return node.content.length > 0;
  });
}

function move(piece: Piece, offset: number, line: number): void {
  const [characters, lines] = [offset - piece.offset, line - piece.line];
  if (characters !== 0) for (const leaf of piece.leaves) leaf._offset += characters;
  if (lines !== 0) {
    for (const leaf of piece.leaves) {
      leaf._startLine += lines;
      leaf._endLine += lines;
    }
    for (const composite of piece.composites) composite._rangeCache = undefined;
  }
  piece.offset = offset;
  piece.line = line;
}

function joined(text: string, pieces: readonly Piece[]): File {
  const root = new RootCstNodeImpl(text);
  const items = pieces.flatMap((piece) => piece.items);
  const tree = { $type: 'File', items, $cstNode: root } as unknown as File;
  root.astNode = tree;
  for (const { content } of pieces)
    for (const node of content) {
      (node as { container?: unknown }).container = root;
      root.content.push(node);
    }
  items.forEach((item, k) => {
    Object.assign(item as AstNode, { $container: tree, $containerProperty: 'items', $containerIndex: k });
  });
  return tree;
}

// What is changed within a cell: how a parameter starts, a bias where a gate has none; and a copy of a cell of the library, which no file may change.

import { type AstNode, AstUtils } from 'langium';
import { type OffsetEdit, replaced } from '../../shared/edits.ts';
import type { Cell, Equation, Group } from '../generated/ast.ts';

/** Another start for one parameter of a cell; none where that is how it starts. A comment at the line's end that names the old start's number gives way to `comment`.
 *  Undefined where the cell has no such parameter. */
export function startEdits(cell: Cell, name: string, start: string, comment: string): OffsetEdit[] | undefined {
  const group = groupOf(cell, name);
  const cst = group?.$cstNode;
  if (group === undefined || cst === undefined) return undefined;
  const { initial, names, type } = group;
  if (initial?.$cstNode?.text === start) return [];
  const shape = type.$cstNode!.text;
  const said = commentEdits(group, comment);
  if (names.length === 1) {
    const own = initial?.$cstNode;
    if (own !== undefined) return [{ from: own.offset, to: own.end, text: start }, ...said];
    return [{ from: cst.end, to: cst.end, text: ` = ${start}` }, ...said];
  }
  const others = names.flatMap((each) => (each.name === name ? [] : [each.name])).join(', ');
  const old = `${others}: ${shape}${initial === undefined ? '' : ` = ${initial.$cstNode!.text}`}`;
  const own = `${name}: ${shape} = ${start}`;
  const text = names[0]!.name === name ? `${own}, ${old}` : `${old}, ${own}`;
  return [{ from: cst.offset, to: cst.end, text }, ...said];
}

function groupOf(cell: Cell, name: string): Group | undefined {
  return cell.lines
    .flatMap((line) => (line.$type === 'Param' ? line.groups : []))
    .find(({ names }) => names.some((each) => each.name === name));
}

/** What is said at the end of the group's line, where it cites a number of the start that is no more. */
function commentEdits({ initial, $cstNode: cst }: Group, comment: string): OffsetEdit[] {
  const numbers: readonly string[] = initial?.$cstNode?.text.match(/\d+(\.\d+)?/g) ?? [];
  if (cst === undefined || numbers.length === 0) return [];
  const [rest = ''] = cst.root.fullText.slice(cst.end).split(/\r?\n/, 1);
  const found = /\/\/(.*)$/.exec(rest);
  const cited: readonly string[] = found?.[1]?.match(/\d+(\.\d+)?/g) ?? [];
  if (found === null || !cited.some((each) => numbers.includes(each))) return [];
  const from = cst.end + found.index;
  return [{ from, to: from + found[0].length, text: `// ${comment}` }];
}

/** A bias for a gate that has none: a parameter of its own, of the shape of a state, added within the gate's sigmoid. Undefined where the line is no
 *  sigmoid of a sum. */
export function biasEdits(cell: Cell, name: string, state: string, start: string): OffsetEdit[] | undefined {
  const line = cell.lines.find((each): each is Equation => each.$type === 'Equation' && each.name === name);
  const value = line?.value;
  const shape = cell.lines
    .flatMap((each) => (each.$type === 'State' ? each.groups : []))
    .find(({ names }) => names.some((each) => each.name === state))?.type;
  const last = cell.lines.filter(({ $type }) => $type === 'Param').at(-1)?.$cstNode;
  if (
    value?.$type !== 'Call' ||
    value.callee.name !== 'sigmoid' ||
    value.arguments.length !== 1 ||
    last === undefined ||
    shape?.$type !== 'TensorType'
  )
    return undefined;
  const taken = new Set([...AstUtils.streamAst(cell)].map((node) => (node as AstNode & { readonly name?: string }).name));
  const bias = freeName(`b_${name}`, (each) => taken.has(each));
  const [rest = ''] = last.root.fullText.slice(last.end).split(/\r?\n/, 1);
  const indent = /[ \t]*$/.exec(last.root.fullText.slice(0, last.offset))![0];
  const end = value.arguments[0]!.$cstNode!.end;
  const at = last.end + rest.length;
  return [
    { from: at, to: at, text: `\n${indent}param ${bias}: ${shape.$cstNode!.text} = ${start}` },
    { from: end, to: end, text: ` + ${bias}` },
  ];
}

/** A cell under another name, with its doc comment and an empty line behind it. `edits` are of the text that the cell stands in. */
export function copiedCell(text: string, cell: Cell, name: string, edits: readonly OffsetEdit[] = []): string {
  const { offset, end } = cell.$cstNode!;
  const own = edits.map(({ from, to, text: each }) => ({ from: from - offset, to: to - offset, text: each }));
  // A comment at the end of the cell's line stays behind.
  const changed = replaced(
    text.slice(offset, end),
    own.filter(({ to }) => to <= end - offset),
  );
  return `${docLinesAbove(text, offset)}${changed.replace(/^(cell\s+)\S+?(?=\s*\()/, `$1${name}`)}\n\n`;
}

/** The `///` lines right above an offset at the beginning of a line. */
export function docLinesAbove(text: string, offset: number): string {
  const lines = text.slice(0, offset).split('\n').slice(0, -1);
  let first = lines.length;
  while (first > 0 && /^\s*\/\/\//.test(lines[first - 1]!)) first -= 1;
  return lines
    .slice(first)
    .map((line) => `${line}\n`)
    .join('');
}

export const freeName = (wanted: string, isTaken: (name: string) => boolean): string => {
  let name = wanted;
  for (let k = 2; isTaken(name); k += 1) name = `${wanted}_${k}`;
  return name;
};

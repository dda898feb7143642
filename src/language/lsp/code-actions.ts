// What can be done about a fault, and to the text where the cursor stands.

import { type AstNode, AstUtils } from 'langium';
import { type CodeAction, CodeActionKind, type Diagnostic, type Range, type TextEdit } from 'vscode-languageserver-types';
import type { Fault } from '../../shared/source.ts';
import { showType } from '../check/scope.ts';
import type { Cell, Equation } from '../generated/ast.ts';
import type { Program } from '../program.ts';
import { copiedCell, docLinesAbove, freeName } from '../rewrite/cells.ts';
import { isDefinition, itemAt, nameAt, offsetAt, targetOf, toRange } from './documents.ts';
import { formatting } from './format.ts';
import { applied } from './navigation.ts';

/** The repairs of each diagnostic that has some. */
export function repairs(uri: string, given: readonly Diagnostic[]): CodeAction[] {
  return given.flatMap((diagnostic) => {
    const { repair, repairs: others = [] } = (diagnostic.data ?? {}) as Pick<Fault, 'repair' | 'repairs'>;
    const action = (title: string, edits: TextEdit[], isPreferred: boolean): CodeAction => ({
      title,
      kind: CodeActionKind.QuickFix,
      diagnostics: [diagnostic],
      edit: { changes: { [uri]: edits } },
      isPreferred,
    });
    return [
      ...(repair === undefined ? [] : [action(`Write \`${repair}\``, [{ range: diagnostic.range, newText: repair }], true)]),
      ...others.map(({ title, edits }, k) =>
        action(
          title,
          edits.map(({ range, text }) => ({ range: toRange(range), newText: text })),
          repair === undefined && k === 0,
        ),
      ),
    ];
  });
}

/** Changes to a sound text: none is asked for by a fault. */
export function refactorings(program: Program, uri: string, range: Range): CodeAction[] {
  const action = (title: string, kind: CodeActionKind, edits: TextEdit[]): CodeAction[] =>
    edits.length === 0 ? [] : [{ title, kind, edit: { changes: { [uri]: edits } } }];
  return [
    ...action('Write out the library cell here', CodeActionKind.RefactorInline, writtenOut(program, range)),
    ...action('Name this expression', CodeActionKind.RefactorExtract, named(program, range)),
    ...action('Write the shape', CodeActionKind.RefactorRewrite, shaped(program, range, false)),
    ...action('Write the shapes of all lines', CodeActionKind.RefactorRewrite, shaped(program, range, true)),
    ...action('Align block', CodeActionKind.RefactorRewrite, blockAligned(program, range)),
  ];
}

/** A copy of the library's cell as a cell of this file, above the item that calls it; the call takes the copy. */
function writtenOut(program: Program, { start }: Range): TextEdit[] {
  const place = nameAt(program, start);
  const target = place === undefined ? undefined : targetOf(program, place);
  const library = program.files.find((file) => file.isLibrary && file.uri === target?.uri);
  const item =
    place === undefined ? undefined : AstUtils.getContainerOfType(place.node, (each): each is AstNode => each.$container?.$type === 'File');
  if (library === undefined || target?.node.$type !== 'Cell' || item?.$cstNode === undefined) return [];
  const cell = target.node as Cell;
  const name = freeName(`my_${cell.name}`, (each) => program.main.cells.has(each));
  const text = copiedCell(library.text, cell, name);
  const line = item.$cstNode.range.start.line - docLinesAbove(program.main.text, item.$cstNode.offset).split('\n').length + 1;
  const at = { line, character: 0 };
  return [
    { range: { start: at, end: at }, newText: text },
    { range: place!.range, newText: name },
  ];
}

/** The selected part of an equation as a line of its own, above it. */
function named(program: Program, range: Range): TextEdit[] {
  const { text, tree } = program.main;
  const [from, to] = [offsetAt(text, range.start), offsetAt(text, range.end)];
  const selected = text.slice(from, to).trim();
  if (selected === '') return [];
  const start = from + text.slice(from, to).indexOf(selected);
  const item = itemAt(tree, from);
  if (item === undefined || !isDefinition(item)) return [];
  const found = [...AstUtils.streamAst(item)].find(
    ({ $cstNode, $container }) => $cstNode?.offset === start && $cstNode.end === start + selected.length && $container !== undefined,
  );
  const equation =
    found === undefined ? undefined : AstUtils.getContainerOfType(found, (each): each is Equation => each.$type === 'Equation');
  if (found === undefined || equation?.$cstNode === undefined || program.notes.types.get(found) === undefined || equation === found)
    return [];
  if (selected === equation.value?.$cstNode?.text) return [];
  const known = program.instances.get(item);
  const names = new Set([...item.inputs.map(({ name }) => name), ...(known?.dimensions.keys() ?? [])]);
  for (const line of item.lines) {
    if (line.$type === 'Equation') names.add(line.name);
    else for (const { names: own } of line.groups) for (const { name } of own) names.add(name);
  }
  const name = freeName('part', (each) => names.has(each));
  const { line } = equation.$cstNode.range.start;
  const at = { line, character: 0 };
  const indent = /^[ \t]*/.exec(text.split('\n')[line]!)![0];
  const edits = [
    { range: { start: at, end: at }, newText: `${indent}${name} = ${selected}\n` },
    { range: found.$cstNode!.range, newText: name },
  ];
  return laidOut(text, applied(text, edits), line, edits);
}

/** Edits that also align the block that they are in; the ones given where that is no better. */
function laidOut(before: string, after: string, line: number, edits: TextEdit[]): TextEdit[] {
  const [old, lines] = [before.split('\n'), after.split('\n')];
  const more = lines.length - old.length;
  const [first, last] = blockAround(lines, line);
  const aligned = applied(after, formatting(after, { start: { line: first, character: 0 }, end: { line: last, character: 0 } })).split(
    '\n',
  );
  if (aligned.length !== lines.length) return edits;
  const end = last - more;
  const range = { start: { line: first, character: 0 }, end: { line: end, character: old[end]!.length } };
  return [{ range, newText: aligned.slice(first, last + 1).join('\n') }];
}

/** The lines around a line up to the next blank ones. */
function blockAround(lines: readonly string[], line: number): [number, number] {
  let [first, last] = [line, line];
  const isPart = (text: string | undefined): boolean => text !== undefined && text.trim() !== '' && !/^\S/.test(text);
  while (isPart(lines[first - 1])) first -= 1;
  while (isPart(lines[last + 1])) last += 1;
  return [first, last];
}

/** The shape of the line at a place, or of all lines of its cell or model, as written. */
function shaped(program: Program, { start }: Range, all: boolean): TextEdit[] {
  const { text, tree } = program.main;
  const item = itemAt(tree, offsetAt(text, start));
  if (item === undefined || !isDefinition(item)) return [];
  const open = (program.instances.get(item)?.lines ?? []).filter(
    ({ equation, binding }) =>
      equation.type === undefined &&
      binding.type.kind === 'tensor' &&
      binding.type.boolean !== true &&
      !showType(binding.type).includes('?'),
  );
  const chosen = all ? open : open.filter(({ equation }) => equation.$cstNode?.range.start.line === start.line);
  if (chosen.length === 0 || (all && open.length < 2)) return [];
  const edits = chosen.flatMap(({ equation, binding }): TextEdit[] => {
    const at = equation.$cstNode?.range.start;
    if (at === undefined) return [];
    const character = at.character + equation.name.length + (equation.next ? 1 : 0);
    const place = { line: at.line, character };
    return [{ range: { start: place, end: place }, newText: `: ${showType(binding.type)}` }];
  });
  if (edits.length === 0) return [];
  return linesOf(text, applied(text, edits), item);
}

function linesOf(before: string, changed: string, item: AstNode): TextEdit[] {
  const { start, end } = item.$cstNode!.range;
  const after = applied(changed, formatting(changed, { start, end })).split('\n');
  return before
    .split('\n')
    .flatMap((line, k): TextEdit[] =>
      k < start.line || k > end.line || line === after[k] || after[k] === undefined
        ? []
        : [{ range: { start: { line: k, character: 0 }, end: { line: k, character: line.length } }, newText: after[k]! }],
    );
}

function blockAligned(program: Program, { start }: Range): TextEdit[] {
  const lines = program.main.text.split('\n');
  const [first, last] = blockAround(lines, start.line);
  if (lines[start.line]?.trim() === '') return [];
  return formatting(program.main.text, { start: { line: first, character: 0 }, end: { line: last, character: 0 } });
}

// The smaller features of an editor: diagnostics, symbols, folding, selections that grow.

import { type AstNode, CstUtils } from 'langium';
import {
  type Diagnostic,
  DiagnosticSeverity,
  DiagnosticTag,
  type DocumentSymbol,
  type FoldingRange,
  type Position,
  type Range,
  SelectionRange,
  SymbolKind,
  type WorkspaceSymbol,
} from 'vscode-languageserver-types';
import type { Fault } from '../../shared/source.ts';
import { showType } from '../check/scope.ts';
import { besides, rangeOf } from '../places.ts';
import type { Program } from '../program.ts';
import { nameRange, offsetAt, toRange } from './documents.ts';
import { uriOf } from './uris.ts';

const severities = { error: DiagnosticSeverity.Error, warning: DiagnosticSeverity.Warning, hint: DiagnosticSeverity.Hint } as const;

/** What is wrong in the file itself; `more` is what its data files say. */
export function diagnostics(program: Program, more: readonly Fault[] = []): Diagnostic[] {
  return [...program.faults, ...usedFaults(program), ...more]
    .filter(({ range }) => range.uri === program.path)
    .map(({ range, severity, code, message, repair, repairs, ...rest }) => ({
      range: toRange(range),
      severity: severities[severity],
      code,
      source: 'unroll',
      message,
      ...(code === 'unused' ? { tags: [DiagnosticTag.Unnecessary] } : {}),
      ...('related' in rest ? { relatedInformation: rest.related as Diagnostic['relatedInformation'] & object } : {}),
      ...(repair === undefined && repairs === undefined ? {} : { data: { repair, repairs } }),
    }));
}

/** Errors in files that are used, said once where they are used. */
function usedFaults({ faults, main, path }: Program): (Fault & { readonly related: Diagnostic['relatedInformation'] })[] {
  return main.tree.items.flatMap((item) => {
    if (item.$type !== 'Use' || item.path === undefined) return [];
    const target = besides(path, item.path);
    const own = faults.filter(({ range, severity }) => range.uri === target && severity === 'error');
    const [first] = own;
    if (first === undefined) return [];
    const message = `${item.path}, line ${first.range.start.line + 1}: ${first.message}${own.length > 1 ? ` (and ${own.length - 1} more)` : ''}`;
    const related = own.map((fault) => ({ location: { uri: uriOf(target), range: toRange(fault.range) }, message: fault.message }));
    return [{ range: rangeOf(item, path), severity: 'error' as const, code: 'used-file', message, related }];
  });
}

export function symbols(program: Program): DocumentSymbol[] {
  return program.main.tree.items.flatMap((item) => {
    const range = item.$cstNode?.range;
    if (range === undefined) return [];
    const own = (name: string, kind: SymbolKind, detail?: string): DocumentSymbol => ({
      name,
      kind,
      range,
      selectionRange: nameRange(item) ?? range,
      ...(detail === undefined ? {} : { detail }),
    });
    switch (item.$type) {
      case 'Cell':
      case 'Model': {
        if (item.name === undefined) return [];
        const children = item.lines.flatMap((line): DocumentSymbol[] => {
          const lineRange = line.$cstNode?.range;
          if (lineRange === undefined) return [];
          if (line.$type === 'Equation') {
            if (line.name === undefined) return [];
            const name = line.next ? `${line.name}'` : line.name;
            const type = program.notes.types.get(line);
            const detail = type === undefined || type.kind === 'unknown' ? {} : { detail: showType(type) };
            return [{ name, kind: SymbolKind.Variable, ...detail, range: lineRange, selectionRange: nameRange(line) ?? lineRange }];
          }
          const kind = line.$type === 'State' ? SymbolKind.Field : SymbolKind.Constant;
          return line.groups.flatMap((group) =>
            group.names.flatMap((variable) => {
              const at = variable.$cstNode?.range;
              if (at === undefined || variable.name === undefined) return [];
              const type = program.notes.types.get(variable);
              const detail = type === undefined || type.kind === 'unknown' ? {} : { detail: showType(type) };
              return [{ name: variable.name, kind, ...detail, range: at, selectionRange: at }];
            }),
          );
        });
        return [{ ...own(item.name, item.$type === 'Cell' ? SymbolKind.Class : SymbolKind.Module), children }];
      }
      case 'Data':
        return item.name === undefined ? [] : [own(item.name, SymbolKind.File, 'data')];
      case 'Train':
      case 'Generate':
        return item.model === undefined ? [] : [own(`${item.$type.toLowerCase()} ${item.model}`, SymbolKind.Event)];
      default:
        return [];
    }
  });
}

/** Items, brackets over several lines, comments. */
export function folding({ main: { text, tree } }: Program): FoldingRange[] {
  const found = new Map<number, FoldingRange>();
  const add = (range: FoldingRange): void => {
    if (range.endLine > range.startLine && !found.has(range.startLine)) found.set(range.startLine, range);
  };
  for (const { $cstNode } of tree.items) {
    if ($cstNode === undefined) continue;
    const { start, end } = $cstNode.range;
    add({ startLine: start.line, endLine: $cstNode.text.endsWith('}') ? end.line - 1 : end.line });
  }
  const lines = text.split('\n');
  let open: { readonly line: number; readonly is: RegExp; readonly kind: 'comment' | 'imports' } | undefined;
  lines.forEach((line, k) => {
    if (open !== undefined && !open.is.test(line)) {
      add({ startLine: open.line, endLine: k - 1, kind: open.kind });
      open = undefined;
    }
    if (open === undefined && comment.test(line)) open = { line: k, is: comment, kind: 'comment' };
    if (open === undefined && uses.test(line)) open = { line: k, is: uses, kind: 'imports' };
  });
  if (open !== undefined) add({ startLine: open.line, endLine: lines.length - 1, kind: open.kind });
  for (const { index, 0: whole } of text.matchAll(/\/\*[\s\S]*?\*\//g)) {
    const startLine = text.slice(0, index).split('\n').length - 1;
    add({ startLine, endLine: startLine + whole.split('\n').length - 1, kind: 'comment' });
  }
  return [...found.values()].sort((a, b) => a.startLine - b.startLine);
}
const comment = /^\s*\/\//;
const uses = /^\s*use\b/;

/** From the name at each place outwards: its expression, its line, its item. */
export function selectionRanges({ main: { text, tree } }: Program, positions: readonly Position[]): SelectionRange[] {
  return positions.map((position) => {
    const offset = offsetAt(text, position);
    const root = tree.$cstNode;
    const leaf =
      root === undefined ? undefined : (CstUtils.findLeafNodeAtOffset(root, offset) ?? CstUtils.findLeafNodeAtOffset(root, offset - 1));
    const ranges: Range[] = leaf === undefined || leaf.hidden ? [] : [leaf.range];
    for (
      let node: AstNode | undefined = leaf?.hidden === true ? undefined : leaf?.astNode;
      node?.$container !== undefined;
      node = node.$container
    ) {
      const range = node.$cstNode?.range;
      if (range !== undefined && isWider(range, ranges.at(-1))) ranges.push(range);
    }
    const all = { start: { line: 0, character: 0 }, end: { line: text.split('\n').length, character: 0 } };
    return [...ranges, all].reduceRight<SelectionRange | undefined>((parent, range) => SelectionRange.create(range, parent), undefined)!;
  });
}

const isWider = (outer: Range, inner: Range | undefined): boolean => {
  if (inner === undefined) return true;
  const isBefore = (a: Position, b: Position): boolean => a.line < b.line || (a.line === b.line && a.character < b.character);
  return isBefore(outer.start, inner.start) || isBefore(inner.end, outer.end);
};

/** Cells, models and data whose names have the letters of a query in their order. */
export function workspaceSymbols(programs: readonly Program[], query: string): WorkspaceSymbol[] {
  const asked = new RegExp([...query].map((letter) => letter.replace(/[^\p{L}\p{N}_]/gu, '\\$&')).join('.*'), 'iu');
  return programs.flatMap((program) =>
    symbols(program)
      .filter(({ kind, name }) => kind !== SymbolKind.Event && asked.test(name))
      .map(({ name, kind, selectionRange }) => ({ name, kind, location: { uri: uriOf(program.path), range: selectionRange } })),
  );
}

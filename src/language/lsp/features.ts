// The smaller features of an editor: diagnostics, definitions, symbols, folding, renaming, tokens.

import { pathToFileURL } from 'node:url';
import { type AstNode, AstUtils, GrammarUtils } from 'langium';
import {
  type CodeAction,
  CodeActionKind,
  type Diagnostic,
  DiagnosticSeverity,
  DiagnosticTag,
  type DocumentSymbol,
  type FoldingRange,
  type Location,
  type Position,
  type Range,
  SymbolKind,
  type TextEdit,
} from 'vscode-languageserver-types';
import type { Fault } from '../../shared/source.ts';
import { isFunctionName } from '../check/core.ts';
import type { File } from '../generated/ast.ts';
import type { Program } from '../program.ts';
import { isDefinition, nameAt, nameRange, occurrences, targetOf, toRange } from './documents.ts';

const severities = { error: DiagnosticSeverity.Error, warning: DiagnosticSeverity.Warning, hint: DiagnosticSeverity.Hint } as const;

export const diagnostics = (program: Program): Diagnostic[] => diagnosticsOf(program.faults, program.path);

/** Those of the faults that are in one file. */
export function diagnosticsOf(faults: readonly Fault[], path: string): Diagnostic[] {
  return faults
    .filter(({ range }) => range.uri === path)
    .map(({ range, severity, code, message, repair, repairs }) => ({
      range: toRange(range),
      severity: severities[severity],
      code,
      source: 'unroll',
      message,
      ...(code === 'unused' ? { tags: [DiagnosticTag.Unnecessary] } : {}),
      ...(repair === undefined && repairs === undefined ? {} : { data: { repair, repairs } }),
    }));
}

/** The repairs of each diagnostic that has some. */
export function codeActions(uri: string, given: readonly Diagnostic[]): CodeAction[] {
  return given.flatMap((diagnostic) => {
    const { repair, repairs = [] } = (diagnostic.data ?? {}) as Pick<Fault, 'repair' | 'repairs'>;
    const action = (title: string, edits: TextEdit[]): CodeAction => ({
      title,
      kind: CodeActionKind.QuickFix,
      diagnostics: [diagnostic],
      edit: { changes: { [uri]: edits } },
      isPreferred: true,
    });
    return [
      ...(repair === undefined ? [] : [action(`Write \`${repair}\``, [{ range: diagnostic.range, newText: repair }])]),
      ...repairs.map(({ title, edits }) =>
        action(
          title,
          edits.map(({ range, text }) => ({ range: toRange(range), newText: text })),
        ),
      ),
    ];
  });
}

export const uriOf = (path: string): string => (/^[a-z][a-z0-9+.-]+:/i.test(path) ? path : pathToFileURL(path).href);

export function definition(program: Program, position: Position): Location | undefined {
  const place = nameAt(program, position);
  if (place === undefined) return undefined;
  if (place.node.$type === 'Use' && place.property === 'path') {
    const used = program.files.find((file) => file.uri.endsWith(`/${place.text.slice(1, -1).replace(/^\.\//, '')}`));
    return used === undefined ? undefined : { uri: uriOf(used.uri), range: start };
  }
  const target = targetOf(program, place);
  const range = target === undefined ? undefined : nameRange(target.node);
  return target === undefined || range === undefined ? undefined : { uri: uriOf(target.uri), range };
}
const start: Range = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

export function references(program: Program, position: Position): Range[] {
  const place = nameAt(program, position);
  const target = place === undefined ? undefined : targetOf(program, place);
  return target === undefined ? [] : occurrences(program, target).map(({ range }) => range);
}

/** The edits that rename what stands at a place, within this file; undefined where it is not of this file. */
export function rename(program: Program, position: Position, to: string): TextEdit[] | undefined {
  if (renameRange(program, position) === undefined) return undefined;
  return references(program, position).map((range) => ({ range, newText: to }));
}

export function renameRange(program: Program, position: Position): Range | undefined {
  const place = nameAt(program, position);
  const target = place === undefined ? undefined : targetOf(program, place);
  return target?.uri === program.path ? place!.range : undefined;
}

export const isName = (text: string): boolean =>
  /^[\p{L}_][\p{L}\p{M}\p{N}_]*$/u.test(text) && !/^(cell|state|param|and|or|not|true|false)$/.test(text);

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
            return [{ name, kind: SymbolKind.Variable, range: lineRange, selectionRange: nameRange(line) ?? lineRange }];
          }
          const kind = line.$type === 'State' ? SymbolKind.Field : SymbolKind.Constant;
          return line.groups.flatMap((group) =>
            group.names.flatMap((variable) => {
              const at = variable.$cstNode?.range;
              return at === undefined || variable.name === undefined ? [] : [{ name: variable.name, kind, range: at, selectionRange: at }];
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

export function folding({ items }: File): FoldingRange[] {
  return items.flatMap((item) => {
    const range = item.$cstNode?.range;
    return range === undefined || range.end.line <= range.start.line ? [] : [{ startLine: range.start.line, endLine: range.end.line - 1 }];
  });
}

export const tokenTypes = ['class', 'function', 'typeParameter', 'parameter', 'variable', 'property', 'enumMember'] as const;
export const tokenModifiers = ['declaration', 'defaultLibrary', 'state', 'weight'] as const;

/** Names by what they stand for, in order: line, column, length, type, modifiers as bits. */
export function semanticTokens(program: Program): [number, number, number, number, number][] {
  const found: [number, number, number, number, number][] = [];
  for (const node of AstUtils.streamAst(program.main.tree)) {
    const property = node.$type === 'Member' ? 'member' : node.$type === 'StateType' ? 'cell' : 'name';
    const cst = GrammarUtils.findNodeForProperty(node.$cstNode, property);
    if (cst === undefined || cst.length === 0) continue;
    const kind = kindOf(program, node, cst.text);
    if (kind === undefined) continue;
    const [type, ...modifiers] = kind;
    const bits = modifiers.reduce((sum, modifier) => sum | (1 << tokenModifiers.indexOf(modifier)), 0);
    found.push([cst.range.start.line, cst.range.start.character, cst.length, tokenTypes.indexOf(type), bits]);
  }
  return found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

type Kind = readonly [(typeof tokenTypes)[number], ...(typeof tokenModifiers)[number][]];

function kindOf(program: Program, node: AstNode, text: string): Kind | undefined {
  switch (node.$type) {
    case 'Cell':
    case 'Model':
      return ['class', 'declaration'];
    case 'SizeInput':
      return ['typeParameter', 'declaration'];
    case 'ValueInput':
      return ['parameter', 'declaration'];
    case 'Variable':
      return node.$container?.$container?.$type === 'Param' ? ['variable', 'declaration', 'weight'] : ['variable', 'declaration', 'state'];
    case 'Equation':
      return ['variable', 'declaration'];
    case 'StateType':
      return ['class'];
    case 'Member':
      return text === 'T' ? undefined : ['property'];
    case 'Setting':
      return ['property'];
    case 'Reference': {
      const found = program.notes.declarations.get(node);
      const target = found === undefined ? undefined : 'uri' in found ? found.node : found;
      if (target === undefined) {
        if (program.instances.size > 0 && dimensionNames(program, node).has(text)) return ['typeParameter'];
        return isFunctionName(text) && node.$containerProperty === 'callee' ? ['function', 'defaultLibrary'] : undefined;
      }
      if (isDefinition(target)) return ['class'];
      if (target.$type === 'ValueInput') return ['parameter'];
      if (target.$type === 'Variable')
        return target.$container?.$container?.$type === 'Param' ? ['variable', 'weight'] : ['variable', 'state'];
      return ['variable'];
    }
    default:
      return undefined;
  }
}

function dimensionNames(program: Program, node: AstNode): ReadonlySet<string> {
  for (let each: AstNode | undefined = node; each !== undefined; each = each.$container)
    if (isDefinition(each)) return new Set(program.instances.get(each)?.dimensions.keys());
  return new Set();
}

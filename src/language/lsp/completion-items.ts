// What completion offers, as items: names in scope, fields, dimensions, vocabularies, types, starts, cells, functions.

import { type CompletionItem, CompletionItemKind, InsertTextFormat } from 'vscode-languageserver-types';
import type { Instance, RecordType, Type } from '../check/core.ts';
import { show } from '../check/dimensions.ts';
import { asTensor, showType } from '../check/scope.ts';
import type { Cell } from '../generated/ast.ts';
import { docComment, lineComment, textOf } from '../places.ts';
import type { Program } from '../program.ts';
import type { CallAt } from './call-at.ts';
import { headerText } from './hover.ts';
import type { PlaceInText } from './place.ts';
import { hole } from './statement-completion.ts';
import { snippet } from './templates.ts';
import { functionWords, startWords, type Word } from './words.ts';

/** A cell or model as far as it is known: checked, or read off its text where it is too broken for that. */
export interface Around {
  readonly program: Program;
  readonly instance: Instance | undefined;
  readonly place: PlaceInText;
  /** Zero-based, where the line of the language begins. */
  readonly line: number;
  /** Calls around the place, the innermost first. */
  readonly calls: readonly CallAt[];
}

export interface Known {
  readonly name: string;
  readonly type: Type;
  readonly kind: CompletionItemKind;
  readonly says?: string;
}

/** Names that a line may use, what is nearest first. */
export function scope({ instance, line, place }: Around): Known[] {
  if (instance === undefined) return fromText(place);
  const known: Known[] = [];
  const above = instance.lines.filter(({ equation }) => (equation.$cstNode?.range.start.line ?? 0) < line).reverse();
  for (const { binding, equation } of above) {
    const says = lineComment(equation);
    known.push({ name: binding.name, type: binding.type, kind: CompletionItemKind.Variable, ...(says === undefined ? {} : { says }) });
  }
  for (const { binding } of instance.states)
    known.push({ name: binding.name, type: binding.type, kind: CompletionItemKind.Field, says: 'A state: the value before this step.' });
  for (const { binding } of instance.inputs)
    known.push({ name: binding.name, type: binding.type, kind: CompletionItemKind.Variable, says: 'An input.' });
  for (const { binding } of instance.params)
    known.push({ name: binding.name, type: binding.type, kind: CompletionItemKind.Constant, says: 'A parameter: training changes it.' });
  return known;
}

/** Of a cell that is too broken to be checked: what stands before an equals sign, in declarations and in the header. */
function fromText({ item }: PlaceInText): Known[] {
  const names = new Set<string>();
  for (const [, list] of (item?.text ?? '').matchAll(/\b(?:state|param)\b([^\n]*)/g))
    for (const [, name] of list!.matchAll(/([\p{L}_][\p{L}\p{M}\p{N}_]*)\s*(?=[,:])/gu)) names.add(name!);
  for (const [, name] of (item?.text ?? '').matchAll(/^\s*([\p{L}_][\p{L}\p{M}\p{N}_]*'?)\s*=/gmu)) names.add(name!);
  for (const [, name] of (item?.text.split('{')[0] ?? '').matchAll(/[(,]\s*([\p{L}_][\p{L}\p{M}\p{N}_]*)\s*:/gu)) names.add(name!);
  return [...names].map((name) => ({ name, type: { kind: 'unknown' }, kind: CompletionItemKind.Variable }));
}

export const itemOf = ({ name, type, kind, says }: Known, rank: number, place: number): CompletionItem => ({
  label: name,
  kind,
  ...(type.kind === 'unknown' ? {} : { detail: showType(type) }),
  ...(says === undefined ? {} : { documentation: says }),
  sortText: `${rank}${String(place).padStart(3, '0')}`,
});

export function members({ instance, program, line, place }: Around, path: string): CompletionItem[] {
  const [first, ...rest] = path.split('.');
  const known = scope({ instance, program, line, place, calls: [] });
  const plain = (text: string): string => text.replace(/\[\d+\]$/, '');
  let type = known.find(({ name }) => name === plain(first!))?.type;
  for (const part of rest) type = type?.kind === 'record' ? type.fields.get(plain(part).replace(/'$/, '')) : undefined;
  if (type === undefined || type.kind === 'unknown') return [];
  if (type.kind !== 'record') {
    const rank = asTensor(type)?.shape.length ?? 0;
    return rank < 2 ? [] : [{ label: 'T', kind: CompletionItemKind.Property, detail: 'the transpose' }];
  }
  return fields(program, type);
}

/** Of a run: what debugging shows and other lines may read. States first, then lines, then parameters. */
function fields(program: Program, record: RecordType): CompletionItem[] {
  const cell = program.main.cells.get(record.cell)?.cell;
  const params = new Set(
    cell?.lines.flatMap((line) => (line.$type === 'Param' ? line.groups.flatMap((group) => group.names.map(({ name }) => name)) : [])),
  );
  return [...record.fields].map(([label, field]) => {
    const isState = record.states.has(label);
    const equation = cell?.lines.find((line) => line.$type === 'Equation' && line.name === label);
    const says = equation === undefined ? undefined : (lineComment(equation) ?? `\`${textOf(equation)}\``);
    const rank = isState ? 0 : params.has(label) ? 2 : 1;
    return {
      label,
      kind: isState ? CompletionItemKind.Field : params.has(label) ? CompletionItemKind.Constant : CompletionItemKind.Property,
      detail: showType(field),
      sortText: `${rank}${label}`,
      ...(says === undefined ? {} : { documentation: { kind: 'markdown' as const, value: says } }),
    };
  });
}

export const dimensions = ({ instance, place }: Around): CompletionItem[] => {
  const known = instance === undefined ? textDimensions(place) : [...instance.dimensions.keys()];
  return known.map((label) => {
    const size = instance?.dimensions.get(label);
    const value = size === undefined ? label : show(size);
    return {
      label,
      kind: CompletionItemKind.TypeParameter,
      detail: value === label ? 'dimension' : `dimension: ${value}`,
      sortText: `1${label}`,
    };
  });
};

const textDimensions = ({ item }: PlaceInText): string[] => [
  ...new Set(
    Array.from(
      (item?.text.split('{')[0] ?? '').matchAll(/\bsize\s+([\p{L}_]\w*)|[[,]\s*([\p{L}_]\w*)\s*(?=[\],])|\bof\s+([\p{L}_]\w*)/gu),
      (m) => (m[1] ?? m[2] ?? m[3])!,
    ),
  ),
];

/** The names that are given to vocabularies in this file. */
export const vocabularies = (program: Program): CompletionItem[] => {
  const used = Array.from(program.main.text.matchAll(/\bof\s+([\p{L}_][\p{L}\p{M}\p{N}_]*)/gu), (match) => match[1]!);
  return [...new Set([...used, 'Char', 'Word', 'Symbol'])].map((label) => ({
    label,
    kind: CompletionItemKind.TypeParameter,
    detail: used.includes(label) ? 'a vocabulary of this file: the same name is the same vocabulary' : 'a vocabulary',
    sortText: `${used.includes(label) ? 0 : 1}${label}`,
  }));
};

export function types(around: Around): CompletionItem[] {
  const isInput = around.place.item?.isInBody === false;
  const { program } = around;
  const shape = snippet('[ ]', `[${hole(1, 'H')}]`, 'Numbers, by their dimensions.', CompletionItemKind.Struct, { sortText: '0' });
  if (!isInput) {
    const stateful = [...program.main.cells].filter(([, { cell }]) => cell.lines.some(({ $type }) => $type === 'State'));
    return [
      shape,
      ...stateful.map(([label]) =>
        snippet(label, `${label}(${hole(1, 'H')})`, `The state of a ${label}.`, CompletionItemKind.Class, { sortText: `1${label}` }),
      ),
    ];
  }
  return [
    shape,
    snippet('[T] of', `[T] of ${hole(1, 'Char')}`, 'A sequence of classes.', CompletionItemKind.Struct, { sortText: '1' }),
    snippet('[T, ]', `[T, ${hole(1, '1')}]`, 'A sequence of vectors.', CompletionItemKind.Struct, { sortText: '2' }),
    snippet('one of', `one of ${hole(1, 'Label')}`, 'One class.', CompletionItemKind.Struct, { sortText: '3' }),
    { label: 'number', kind: CompletionItemKind.Keyword, documentation: 'One number: a setting.', sortText: '4' },
    {
      label: 'cell',
      kind: CompletionItemKind.Keyword,
      documentation: 'A cell or function, chosen where this one is called.',
      sortText: '5',
    },
  ];
}

export const starts = (): CompletionItem[] =>
  Object.entries(startWords).map(([label, word], k) => {
    const number = /\(/.test(word.use);
    const text = number ? `${label}(${hole(1, label === 'chrono' ? '100' : '0.1')})` : label;
    return {
      ...wordItem(label, word, CompletionItemKind.EnumMember),
      insertText: text,
      insertTextFormat: InsertTextFormat.Snippet,
      sortText: `0${k}`,
    };
  });

export const wordItem = (label: string, { use, says }: Word, kind: CompletionItemKind): CompletionItem => ({
  label,
  kind,
  detail: use,
  documentation: { kind: 'markdown', value: says },
});

const help = { title: 'Signature', command: 'editor.action.triggerParameterHints' };

export function cellItems(program: Program, isCalled: boolean): CompletionItem[] {
  const library = new Set(program.files.filter(({ isLibrary }) => isLibrary).map(({ uri }) => uri));
  return Array.from(program.main.cells, ([label, { cell, file }]): CompletionItem => {
    const doc = docOf(cell);
    return {
      label,
      kind: CompletionItemKind.Class,
      detail: headerText(cell),
      sortText: `3${library.has(file.uri) ? 1 : 0}${label}`,
      ...(doc === undefined ? {} : { documentation: { kind: 'markdown', value: doc } }),
      ...(isCalled ? { insertText: `${label}(\${0})`, insertTextFormat: InsertTextFormat.Snippet, command: help } : {}),
    };
  });
}

const docs = new WeakMap<Cell, { readonly doc: string | undefined }>();
function docOf(cell: Cell): string | undefined {
  let known = docs.get(cell);
  if (known === undefined) {
    known = { doc: docComment(cell) };
    docs.set(cell, known);
  }
  return known.doc;
}

export const functionItems = (isCalled: boolean): CompletionItem[] =>
  Object.entries(functionWords).map(([label, word]) => ({
    ...wordItem(label, word, CompletionItemKind.Function),
    sortText: `4${label}`,
    ...(isCalled ? { insertText: `${label}(\${0})`, insertTextFormat: InsertTextFormat.Snippet, command: help } : {}),
  }));

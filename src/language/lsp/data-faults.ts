// What the files of `data` lines say against them: a file that is not there, a column that it does not have (SPEC section 8, 22).

import { AstUtils } from 'langium';
import type { ArraysSource, DataSource, SeriesSource, TableSource } from '../../shared/settings.ts';
import type { Fault, Repair } from '../../shared/source.ts';
import { closest } from '../check/scope.ts';
import type { Data, StringLiteral } from '../generated/ast.ts';
import { inputShapes } from '../input-shapes.ts';
import { besides, rangeOf } from '../places.ts';
import type { Program } from '../program.ts';
import { fileSources } from '../statements/data.ts';

/** A file to be looked at. The names that are looked for help to tell a header where the line does not say whether there is one. */
export interface FileRequest {
  readonly path: string;
  readonly names: readonly string[];
  readonly header?: boolean;
}

/** What is known of a file; `columns` (of .npz the arrays) where it has some and they could be read. */
export interface FileFacts {
  readonly exists: boolean;
  readonly columns?: readonly string[];
  /** Names of the files beside it. */
  readonly beside?: readonly string[];
}

/** The files that the data of a program reads. */
export const fileRequests = (program: Program): FileRequest[] => filesOf(program).map(({ request }) => request);

interface DataFile {
  readonly item: Data;
  readonly literal: StringLiteral;
  readonly request: FileRequest;
  /** Absent where something is wrong with the line, or the file has no columns. */
  readonly source?: Source;
  /** Inputs that take the column of their own name. */
  readonly unbound: readonly { readonly input: string; readonly model: string }[];
}

type Source = TableSource | SeriesSource | ArraysSource;

const hasColumns = (source: DataSource | undefined): source is Source =>
  source?.kind === 'table' || source?.kind === 'series' || source?.kind === 'arrays';

function filesOf(program: Program): DataFile[] {
  return program.main.tree.items.flatMap((item): DataFile[] => {
    if (item.$type !== 'Data' || item.source?.$type !== 'Call' || item.source.callee?.$type !== 'Reference') return [];
    const [first] = item.source.arguments;
    const literal = first?.name === undefined ? first?.value : undefined;
    if (literal?.$type !== 'StringLiteral' || literal.value === '') return [];
    const called = item.source.callee.name;
    if (!fileSources.some((name) => name === called)) return [];
    const path = besides(program.path, literal.value);
    const source = program.statements.data.find(({ name }) => name === item.name)?.source;
    if (!hasColumns(source)) {
      const more = item.source.arguments.flatMap(({ name, value }) =>
        (name === 'captions' || name === 'alignments') && value.$type === 'StringLiteral' && value.value !== '' ? [value] : [],
      );
      return [literal, ...more].map((each) => ({
        item,
        literal: each,
        request: { path: besides(program.path, each.value), names: [] },
        unbound: [],
      }));
    }
    const unbound = unboundInputs(program, item.name, source);
    const names = [...Object.values(source.bindings).flatMap(namesOf), ...unbound.map(({ input }) => input)];
    const header = source.kind === 'arrays' || source.header === undefined ? {} : { header: source.header };
    return [{ item, literal, source, unbound, request: { path, names, ...header } }];
  });
}

const namesOf = (binding: Source['bindings'][string]): readonly string[] => {
  if (typeof binding === 'string') return [binding];
  return binding.kind === 'columns' ? binding.names : [binding.name];
};

/** Of the models that are trained on the data. */
function unboundInputs(program: Program, data: string, { bindings }: Source): DataFile['unbound'] {
  const found = new Map<string, { input: string; model: string }>();
  for (const train of program.statements.trains) {
    if (train.data !== data || !program.models.some(({ name }) => name === train.model)) continue;
    for (const { name } of inputShapes(program, train))
      if (!Object.hasOwn(bindings, name)) found.set(name, { input: name, model: train.model });
  }
  return [...found.values()];
}

export function dataFaults(program: Program, facts: (request: FileRequest) => FileFacts | undefined): Fault[] {
  return filesOf(program).flatMap((file): Fault[] => {
    const known = facts(file.request);
    if (known === undefined) return [];
    if (!known.exists) return [missing(program, file, known)];
    return known.columns === undefined || file.source === undefined ? [] : columnFaults(program, file, file.source, known.columns);
  });
}

/** Only a warning: a model may be written before its data. */
function missing({ path }: Program, { literal }: DataFile, { beside = [] }: FileFacts): Fault {
  const meant = closest(literal.value, beside);
  const hint = meant === undefined ? 'Paths are relative to this file.' : `Did you mean ${meant}?`;
  return {
    range: rangeOf(literal, path),
    severity: 'warning',
    code: 'no-file',
    message: `${literal.value} is not there. ${hint}`,
    ...(meant === undefined ? {} : { repair: `"${meant}"` }),
  };
}

function columnFaults(
  program: Program,
  { item, literal, request, unbound }: DataFile,
  source: Source,
  columns: readonly string[],
): Fault[] {
  const uri = program.path;
  const what = source.kind === 'arrays' ? 'array' : 'column';
  const said = (name: string, whose: string): string => {
    const meant = closest(name, columns);
    return `${literal.value} has no ${what} \`${name}\`${whose}. It has ${listed(columns)}.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`;
  };
  const faults: Fault[] = [];
  for (const node of AstUtils.streamAst(item.source!)) {
    if (node.$type !== 'StringLiteral' || node === literal) continue;
    const name = (node as StringLiteral).value;
    if (!request.names.includes(name) || isKnown(name, columns, source)) continue;
    const meant = closest(name, columns);
    const repair = meant === undefined ? {} : { repair: JSON.stringify(meant) };
    faults.push({ range: rangeOf(node, uri), severity: 'error', code: 'column', message: said(name, ''), ...repair });
  }
  for (const { input, model } of unbound) {
    if (isKnown(input, columns, source) || isInOrder(columns, unbound.length, source)) continue;
    const meant = closest(input, columns);
    const repairs = (meant === undefined ? columns.slice(0, 4) : [meant]).flatMap((name) => bound(item, input, name, source, uri));
    const message = said(input, `, which the model ${model} wants`);
    faults.push({ range: rangeOf(literal, uri), severity: 'error', code: 'column', message, repairs });
  }
  return faults;
}

/** As the data is bound: capital or small, and the one array of a file whatever it is called. */
function isKnown(name: string, columns: readonly string[], { kind, path }: Source): boolean {
  if (kind === 'arrays') return columns.includes(name) || (columns.length === 1 && /\.npy$/i.test(path));
  return columns.some((column) => column.toLowerCase() === name.toLowerCase());
}

/** Without names, columns of a table are taken in the order of the inputs; the one array of a file by the one input. */
function isInOrder(columns: readonly string[], inputs: number, { kind }: Source): boolean {
  if (kind === 'arrays') return columns.length === 1 && inputs === 1;
  return kind === 'table' && inputs <= columns.length && columns.every((column, k) => column === `${k + 1}`);
}

const listed = (columns: readonly string[]): string =>
  columns.length <= 12 ? columns.join(', ') || 'none' : `${columns.slice(0, 10).join(', ')} and ${columns.length - 10} others`;

/** Says in the data line what the input is taken from. */
function bound({ source }: Data, input: string, column: string, { kind }: Source, uri: string): readonly Repair[] {
  const last = source?.$type === 'Call' ? source.arguments.at(-1) : undefined;
  if (last === undefined) return [];
  const { end } = rangeOf(last, uri);
  const text = `, ${input}: ${kind === 'arrays' ? JSON.stringify(column) : `column(${JSON.stringify(column)})`}`;
  const what = kind === 'arrays' ? 'array' : 'column';
  return [{ title: `Take \`${input}\` from the ${what} \`${column}\``, edits: [{ range: { uri, start: end, end }, text }] }];
}

// Whether the files of `data` have the columns that the models trained on them ask for (SPEC section 8, 22).

import { basename } from 'node:path';
import { AstUtils } from 'langium';
import { DataError } from '../data/errors.ts';
import type { ArraysSource, DataSource, SeriesSource, TableSource } from '../shared/settings.ts';
import type { Fault, Repair, SourceRange } from '../shared/source.ts';
import { closest } from './check/scope.ts';
import type { Data, StringLiteral } from './generated/ast.ts';
import { inputShapes } from './input-shapes.ts';
import { rangeOf, rangeOfProperty } from './places.ts';
import type { Program } from './program.ts';

/** The columns (or arrays) of a file. `names` are looked for: they help to tell a header. Rejects with a DataError where it cannot be read. */
export type ColumnsOf = (
  path: string,
  options: { readonly header?: boolean; readonly names: readonly string[] },
) => Promise<readonly { readonly name: string }[]>;

type Source = TableSource | SeriesSource | ArraysSource;

/** What is wrong with the columns that a program asks for. A file that is not there is only a warning: a model may be written before its data. */
export async function columnFaults(program: Program, columnsOf: ColumnsOf): Promise<Fault[]> {
  const items = program.main.tree.items.filter((item) => item.$type === 'Data').filter(({ name }) => name !== undefined);
  const faults: Fault[] = [];
  for (const [k, { source }] of program.statements.data.entries()) {
    const item = items[k];
    if (item === undefined || !hasColumns(source)) continue;
    faults.push(...(await faultsOf(program, item, source, columnsOf)));
  }
  return faults;
}

const hasColumns = (source: DataSource | undefined): source is Source =>
  source?.kind === 'table' || source?.kind === 'series' || source?.kind === 'arrays';

async function faultsOf(program: Program, item: Data, source: Source, columnsOf: ColumnsOf): Promise<Fault[]> {
  const uri = program.path;
  const bound = Object.values(source.bindings).flatMap(namesOf);
  const unbound = unboundInputs(program, item.name, source);
  const header = source.kind === 'arrays' || source.header === undefined ? {} : { header: source.header };
  const [file, ...others] = textsOf(item);
  const place = file === undefined ? rangeOfProperty(item, 'name', uri) : rangeOf(file, uri);
  let columns: readonly string[];
  try {
    columns = (await columnsOf(source.path, { ...header, names: [...bound, ...unbound.map(({ input }) => input)] })).map(
      ({ name }) => name,
    );
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const isMissing = error.about === 'missing';
    const message = isMissing ? `There is no file ${file?.value ?? source.path} here. Paths are relative to this file.` : error.message;
    return [{ range: place, severity: 'warning', code: isMissing ? 'no-file' : 'data', message }];
  }
  const find = (name: string): boolean => isKnown(name, columns, source);
  const said = (name: string, whose: string): string => {
    const meant = closest(name, columns);
    const what = source.kind === 'arrays' ? 'array' : 'column';
    return `${basename(source.path)} has no ${what} \`${name}\`${whose}. It has ${listed(columns)}.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`;
  };
  const faults: Fault[] = [];
  for (const literal of others) {
    if (!bound.includes(literal.value) || find(literal.value)) continue;
    const meant = closest(literal.value, columns);
    faults.push({
      range: rangeOf(literal, uri),
      severity: 'error',
      code: 'no-column',
      message: said(literal.value, ''),
      ...(meant === undefined ? {} : { repair: JSON.stringify(meant) }),
    });
  }
  for (const { input, model } of unbound) {
    if (find(input) || isInOrder(columns, unbound.length, source)) continue;
    const meant = closest(input, columns);
    const range = rangeOfProperty(item, 'name', uri);
    const repairs = meant === undefined ? [] : binding(item, input, meant, source, uri);
    faults.push({ range, severity: 'error', code: 'no-column', message: said(input, ` for the input ${input} of ${model}`), repairs });
  }
  return faults;
}

/** The texts in quotes: first the name of the file. */
const textsOf = ({ source }: Data): StringLiteral[] =>
  source === undefined ? [] : [...AstUtils.streamAst(source)].filter((node): node is StringLiteral => node.$type === 'StringLiteral');

const namesOf = (binding: Source['bindings'][string]): readonly string[] => {
  if (typeof binding === 'string') return [binding];
  return binding.kind === 'columns' ? binding.names : [binding.name];
};

/** Inputs of the models that are trained on it which take the column of their own name. */
function unboundInputs(program: Program, data: string, { bindings }: Source): { input: string; model: string }[] {
  const found = new Map<string, { input: string; model: string }>();
  for (const train of program.statements.trains) {
    if (train.data !== data || !program.models.some(({ name }) => name === train.model)) continue;
    for (const { name } of inputShapes(program, train))
      if (!Object.hasOwn(bindings, name)) found.set(name, { input: name, model: train.model });
  }
  return [...found.values()];
}

/** As the data is bound: capital or small, and the one array of a file whatever it is called. */
function isKnown(name: string, columns: readonly string[], source: Source): boolean {
  if (source.kind === 'arrays') return columns.includes(name) || (columns.length === 1 && /\.npy$/i.test(source.path));
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
function binding({ source }: Data, input: string, column: string, { kind }: Source, uri: string): readonly Repair[] {
  const last = source?.$type === 'Call' ? source.arguments.at(-1) : undefined;
  if (last === undefined) return [];
  const { end }: SourceRange = rangeOf(last, uri);
  const text = `${input}: ${kind === 'arrays' ? JSON.stringify(column) : `column(${JSON.stringify(column)})`}`;
  return [{ title: `Add \`${text}\``, edits: [{ range: { uri, start: end, end }, text: `, ${text}` }] }];
}

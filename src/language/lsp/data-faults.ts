// What the files of `data` lines say against them: a file that is not there, a column that it does not have (SPEC section 8, 22).

import { type AstNode, AstUtils } from 'langium';
import type { Fault } from '../../shared/source.ts';
import { closest } from '../check/scope.ts';
import type { Argument, Data, StringLiteral } from '../generated/ast.ts';
import { besides, rangeOf } from '../places.ts';
import type { Program } from '../program.ts';

/** What is known of a file; `columns` (of .npz the arrays) where it has some and they could be read. */
export interface FileFacts {
  readonly exists: boolean;
  readonly columns?: readonly string[];
  /** Names of the files beside it. */
  readonly beside?: readonly string[];
}

/** The files that the data of a program reads. */
export const dataPaths = (program: Program): string[] => filesOf(program).map(({ path }) => path);

interface DataFile {
  readonly item: Data;
  readonly given: readonly Argument[];
  readonly kind: string;
  readonly literal: StringLiteral;
  readonly path: string;
}

function filesOf({ main, path }: Program): DataFile[] {
  return main.tree.items.flatMap((item): DataFile[] => {
    if (item.$type !== 'Data' || item.source?.$type !== 'Call' || item.source.callee?.$type !== 'Reference') return [];
    const [first] = item.source.arguments;
    const literal = first?.name === undefined ? first?.value : undefined;
    if (literal?.$type !== 'StringLiteral' || literal.value === '') return [];
    const kind = item.source.callee.name;
    if (!/^(text|table|series|arrays)$/.test(kind)) return [];
    return [{ item, given: item.source.arguments, kind, literal, path: besides(path, literal.value) }];
  });
}

export function dataFaults(program: Program, facts: (path: string) => FileFacts | undefined): Fault[] {
  return filesOf(program).flatMap((file): Fault[] => {
    const known = facts(file.path);
    if (known === undefined) return [];
    if (!known.exists) return [missing(program, file, known)];
    return known.columns === undefined || file.kind === 'text' ? [] : columnFaults(program, file, known.columns);
  });
}

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

function columnFaults(program: Program, { item, given, literal, kind }: DataFile, columns: readonly string[]): Fault[] {
  if (given.some(({ name, value }) => name === 'header' && value.$type === 'BooleanLiteral' && value.value === 'false')) return [];
  const what = kind === 'arrays' ? 'array' : 'column';
  const has = `It has ${columns.slice(0, 12).join(', ')}${columns.length > 12 ? ' and more' : ''}.`;
  const faults: Fault[] = [];
  const unknown = (node: AstNode, name: string): void => {
    const meant = closest(name, columns);
    faults.push({
      range: rangeOf(node, program.path),
      severity: 'error',
      code: 'column',
      message: `${literal.value} has no ${what} \`${name}\`. ${has}`,
      ...(meant === undefined ? {} : { repair: `"${meant}"` }),
    });
  };
  for (const { name, value } of given) {
    if (name === undefined || !bindsInput(value, kind)) continue;
    for (const node of AstUtils.streamAst(value))
      if (node.$type === 'StringLiteral' && !columns.includes((node as StringLiteral).value)) unknown(node, (node as StringLiteral).value);
  }
  for (const { input, model } of inputsOf(program, item.name)) {
    if (columns.includes(input) || given.some(({ name }) => name === input)) continue;
    const end = rangeOf(item.source!, program.path).end;
    const before = { line: end.line, column: Math.max(0, end.column - 1) };
    const written = (name: string): string => (kind === 'arrays' ? `, ${input}: "${name}"` : `, ${input}: column("${name}")`);
    const near = closest(input, columns);
    const offered = near === undefined ? columns.slice(0, 4) : [near];
    faults.push({
      range: rangeOf(literal, program.path),
      severity: 'error',
      code: 'column',
      message: `${literal.value} has no ${what} \`${input}\`, which the model ${model} wants. ${has} Say where it is: ${written(offered[0] ?? 'name').slice(2)}.`,
      repairs: offered.map((name) => ({
        title: `Take \`${input}\` from the ${what} \`${name}\``,
        edits: [{ range: { uri: program.path, start: before, end: before }, text: written(name) }],
      })),
    });
  }
  return faults;
}

function bindsInput(value: Argument['value'], kind: string): boolean {
  if (kind === 'arrays') return value.$type === 'StringLiteral';
  return value.$type === 'Call' && value.callee?.$type === 'Reference' && /^(column|columns|following)$/.test(value.callee.name);
}

/** The inputs, that are data, of the models trained on it. */
function inputsOf(program: Program, data: string): { readonly input: string; readonly model: string }[] {
  const trained = new Set(program.statements.trains.filter((each) => each.data === data).map(({ model }) => model));
  return program.models
    .filter(({ name }) => trained.has(name))
    .flatMap(({ name, inputs }) =>
      inputs.flatMap((input) =>
        input.$type === 'ValueInput' && (input.type?.$type === 'TensorType' || input.type?.$type === 'ClassType')
          ? [{ input: input.name, model: name }]
          : [],
      ),
    );
}

// Parts as a source file of the language: a cell for each run, with its equations, and a model that runs them over the inputs that they had.

import type { BoundPart, CellText, Named, RecurrentPart } from './part.ts';

/** One cell that runs in the generated model: the line `line` of it. */
export interface GeneratedRun {
  readonly part: RecurrentPart;
  readonly run: BoundPart['runs'][number];
  /** The line of the model, and the instance's path. */
  readonly line: string;
  /** The model's inputs by those of the cell. */
  readonly inputs: ReadonlyMap<string, string>;
}

export interface GeneratedSource {
  readonly text: string;
  readonly model: string;
  readonly runs: readonly GeneratedRun[];
}

/** The source of parts that all run over one axis of time. `file` names the model they are from. */
export function sourceOf(
  model: string,
  file: string,
  parts: readonly { readonly part: RecurrentPart; readonly bound: BoundPart }[],
): GeneratedSource {
  const runs = parts.flatMap(({ part, bound }) =>
    bound.runs.map((run): GeneratedRun => {
      const line = run.direction === 'reverse' ? `${part.name}_reverse` : part.name;
      const names = [...run.cell.inputs, ...run.cell.held].map(({ name }) => name);
      return { part, run, line, inputs: new Map(names.map((name) => [name, inputName(part, run, name)])) };
    }),
  );
  const cells = runs.map(({ run, line }) => cellSource(`${line}_cell`, run.cell));
  const inputs = new Map<string, string>();
  for (const { run, inputs: names } of runs) {
    for (const { name, shape } of run.cell.inputs) inputs.set(names.get(name)!, dimensions(['T', ...shape]));
    for (const { name, shape } of run.cell.held) inputs.set(names.get(name)!, dimensions(shape));
  }
  const header = [...inputs].map(([name, shape]) => `${name}: ${shape}`).join(', ');
  const width = Math.max(...runs.map(({ line }) => line.length));
  const lines = runs.map(({ line, run, inputs: names }) => {
    const isReverse = run.direction === 'reverse';
    const given = [
      ...run.cell.inputs.map(({ name }) => (isReverse ? `reverse(${names.get(name)})` : names.get(name)!)),
      ...run.cell.held.map(({ name }) => names.get(name)!),
    ];
    const call = `${line}_cell(${given.join(', ')})`;
    return `  ${line.padEnd(width)} = ${isReverse ? `reverse(${call})` : call}`;
  });
  const doc = `/// The recurrent part${runs.length === 1 ? '' : 's'} of ${file}, as equations. Inputs are what the rest of the model gives.`;
  return { text: [...cells, [doc, `model ${model}(${header}) {`, ...lines, '}', ''].join('\n')].join('\n\n'), model, runs };
}

/** Both directions read the same sequence, which is a cell's first input. */
const inputName = (part: RecurrentPart, run: BoundPart['runs'][number], name: string): string =>
  run.direction === 'reverse' && run.cell.inputs[0]?.name !== name ? `${part.name}_reverse_${name}` : `${part.name}_${name}`;

export function cellSource(name: string, cell: CellText): string {
  const inputs = [...cell.inputs, ...cell.held].map((each) => `${each.name}: ${dimensions(each.shape)}`).join(', ');
  const states = cell.states.map(
    (state) => `${state.name}: ${dimensions(state.shape)}${state.initial === undefined ? '' : ` = ${state.initial}`}`,
  );
  const width = Math.max(...cell.lines.map((line) => line.name.length));
  const long = Math.max(...cell.lines.map((line) => line.text.length));
  return [
    `/// ${cell.doc}`,
    `cell ${name}(${inputs}) {`,
    ...(states.length === 0 ? [] : [`  state ${states.join(', ')}`]),
    ...parameterLines(cell.parameters),
    '',
    ...cell.lines.map(
      ({ name: line, text, comment }) =>
        `  ${line.padEnd(width)} = ${comment === undefined ? text : `${text.padEnd(long)}  // ${comment}`}`,
    ),
    '}',
  ].join('\n');
}

/** One line for the parameters of a gate. */
function parameterLines(parameters: readonly Named[]): string[] {
  const groups = new Map<string, Named[]>();
  for (const parameter of parameters) {
    const gate = /_(\w+)$/.exec(parameter.name)?.[1] ?? '';
    groups.set(gate, [...(groups.get(gate) ?? []), parameter]);
  }
  return [...groups.values()].map((group) => `  param ${group.map(({ name, shape }) => `${name}: ${dimensions(shape)}`).join(', ')}`);
}

const dimensions = (shape: readonly (number | string)[]): string => `[${shape.join(', ')}]`;

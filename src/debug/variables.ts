// What the Variables view shows of a frame: scopes by kind of quantity, each value in one line, its elements on demand.

import { numberText } from '../shared/numbers.ts';
import type { InstanceDescription } from '../shared/trace.ts';
import { evaluate, parseWatch, readTensor } from './evaluate.ts';
import type { Moment, Names } from './names.ts';
import { quoted, row, type Tensor, tensorText } from './tensor.ts';
import { describeValue, type TraceValues, type ValueDescription } from './values.ts';

export type ScopeName = 'Gates' | 'State' | 'Attention' | 'Values' | 'Inputs' | 'Gradients' | 'Parameters';

/** One row of the view. `tensor` is there where it can be opened. */
export interface Row {
  readonly name: string;
  readonly text: string;
  /** The expression that gives it. */
  readonly expression: string;
  readonly tensor?: Tensor;
  /** The comment beside its equation. */
  readonly type?: string;
}

/** The values of each scope of an instance, in source order; scopes without values are left out. */
export const scopesOf = (instance: InstanceDescription): readonly { readonly name: ScopeName; readonly values: readonly string[] }[] => {
  const primes = new Set(instance.states.map(({ name }) => `${name}'`));
  const lines = (holds: (role: string) => boolean): string[] =>
    instance.lines.filter(({ name, role, attention }) => !primes.has(name) && attention !== true && holds(role)).map(({ name }) => name);
  // A state that is another cell's is given its next value whole, by one line: `s.h` has no line `s.h'`.
  const states = instance.states.flatMap(({ name }) => [name, `${name}'`]).filter((name) => describeValue(instance, name) !== undefined);
  const isGate = (role: string): boolean => role === 'gate' || role === 'candidate';
  const scopes: { name: ScopeName; values: string[] }[] = [
    { name: 'Gates', values: lines(isGate) },
    { name: 'State', values: states },
    { name: 'Attention', values: instance.lines.filter(({ attention }) => attention === true).map(({ name }) => name) },
    { name: 'Values', values: lines((role) => !isGate(role)) },
    { name: 'Inputs', values: instance.inputs.map(({ name }) => name) },
    {
      name: 'Gradients',
      values: [
        ...instance.lines.map(({ name }) => name),
        ...instance.states.map(({ name }) => name),
        ...instance.inputs.filter(({ integer }) => !integer).map(({ name }) => name),
      ],
    },
    { name: 'Parameters', values: instance.weights.map(({ name }) => name) },
  ];
  return scopes.filter(({ values }) => values.length > 0);
};

/** The rows of a scope. A value that is not computed yet shows the timestep before, and says so. */
export const rowsOf = async (scope: ScopeName, names: Names, values: TraceValues): Promise<readonly Row[]> => {
  const { instance } = names;
  const wanted = scopesOf(instance).find(({ name }) => name === scope)?.values ?? [];
  if (scope === 'Parameters') return await Promise.all(wanted.map((name) => weightRow(instance, name, values)));
  if (scope === 'Attention') return (await Promise.all(wanted.map((name) => attentionRows(name, names, values)))).flat();
  return await Promise.all(wanted.map((name) => valueRow(name, scope === 'Gradients', names, values)));
};

/** The weights, and what can be asked of them. */
const ASKED: Readonly<Record<string, string>> = {
  uniformity: 'entropy as a share of ln of the places: 1 where all are alike',
  distance_from_uniform: 'the weight that would have to move for all to be alike',
  coverage: 'what each place has been given up to now',
  collapse: 'how much it is what it was at the steps before: 1 where all rows are the same',
};

const attentionRows = async (name: string, names: Names, values: TraceValues): Promise<readonly Row[]> => {
  const own = await valueRow(name, false, names, values);
  const places = describeValue(names.instance, name)?.dimensions.at(-1);
  const entropies = /^[\p{L}_]/u.test(places ?? '') ? { [`entropy(${name}, over: ${places})`]: 'in nats' } : {};
  const asked = Object.entries(ASKED).map(([f, type]): [string, string] => [`${f}(${name})`, type]);
  const rows = await Promise.all(
    [...Object.entries(entropies), ...asked].map(async ([expression, type]): Promise<Row | undefined> => {
      const parsed = parseWatch(expression);
      const result = parsed.kind === 'expression' ? await evaluate(parsed.tree, names, values) : undefined;
      if (result?.kind !== 'tensor') return undefined;
      const { tensor, past } = result;
      const text = `${tensorText(tensor)}${past === undefined ? '' : momentText({ kind: 'at', t: past, past: true })}`;
      return { name: expression, expression, type, text, ...(tensor.shape.length > 0 && { tensor }) };
    }),
  );
  return [own, ...rows.filter((each) => each !== undefined)];
};

const valueRow = async (name: string, gradient: boolean, names: Names, values: TraceValues): Promise<Row> => {
  const { instance } = names;
  const value = describeValue(instance, name)!;
  const expression = gradient ? `grad(${name})` : name;
  const comment = instance.lines.find((line) => line.name === name)?.comment;
  const base = { name: expression, expression, ...(comment !== undefined && { type: comment }) };
  const moment = names.momentOf(instance, name);
  if (moment.kind === 'notYet') return { ...base, text: 'not computed yet' };
  const tensor = await readTensor(values, value, moment.kind === 'at' ? moment.t : moment.kind, gradient);
  const { vocabularies } = values.trace.description;
  return rowOf(base, tensor, value, momentText(moment), gradient ? undefined : vocabularies?.[value.classes ?? '']);
};

const rowOf = (
  base: { readonly name: string; readonly expression: string },
  tensor: Tensor,
  value: ValueDescription,
  suffix: string,
  classes: readonly string[] | undefined,
): Row => {
  if (value.integer && classes && tensor.shape.length === 0) {
    const index = tensor.data[0]!;
    return { ...base, text: `${quoted(classes[index] ?? '')}, class ${index}${suffix}` };
  }
  const text = `${tensorText(tensor)}${suffix}`;
  if (tensor.shape.length === 0) return { ...base, text };
  return { ...base, text, tensor };
};

const weightRow = async (instance: InstanceDescription, name: string, values: TraceValues): Promise<Row> => {
  const { weight } = instance.weights.find((other) => other.name === name)!;
  const { shape, data } = await values.weight(weight);
  const tensor: Tensor = { shape, dimensions: shape.map(String), data };
  const row = { name, expression: name, text: tensorText(tensor) };
  return shape.length === 0 ? row : { ...row, tensor };
};

/** Elements start .. start + count - 1 of a tensor that has been opened. */
export const elementsOf = ({ tensor, expression }: Row, start: number, count: number): readonly Row[] => {
  const size = tensor?.shape[0] ?? 0;
  return Array.from({ length: Math.max(0, Math.min(count, size - start)) }, (_, k): Row => {
    const index = start + k;
    const part = row(tensor!, index);
    const named = tensor!.shape.length === 1 ? tensor!.classes?.[index] : undefined;
    const name = named === undefined ? `[${index}]` : `[${index}] ${quoted(named)}`;
    const element = { name, expression: `${expression}[${index}]` };
    if (part.shape.length === 0) return { ...element, text: numberText(part.data[0]!) };
    return { ...element, text: tensorText(part), tensor: part };
  });
};

const momentText = (moment: Moment): string => (moment.kind === 'at' && moment.past ? ` (of t = ${moment.t}, not yet computed)` : '');

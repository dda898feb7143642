// How large things are: parameters, the memory of training, the same network without shared weights.

import type { Optimizer } from '../../shared/settings.ts';
import type { Instance, Type } from '../check/core.ts';
import { type Dimension, evaluate, show, showShape } from '../check/dimensions.ts';
import { parameterCounts } from '../parameters.ts';
import type { Program } from '../program.ts';

/** What a model's first training says of lengths. */
export interface Training {
  /** Lengths by the name of their dimension. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly batch: number;
  readonly optimizer: Optimizer['kind'];
}

export function trainingOf(program: Program, model: string | undefined): Training | undefined {
  const train = program.statements.trains.find((each) => each.model === model && each.settings !== undefined);
  const settings = train?.settings;
  if (train === undefined || settings === undefined) return undefined;
  const sizes = new Map<string, number>();
  const source = program.statements.data.find(({ name }) => name === train.data)?.source;
  const length = source?.kind === 'text' ? settings.window : source?.kind === 'series' ? source.window : undefined;
  const root = program.instances.get(program.model(train.model));
  for (const { binding } of root?.inputs ?? []) {
    const first = binding.type.kind === 'tensor' ? binding.type.shape[0] : undefined;
    if (first !== undefined && length !== undefined && evaluate(first, () => undefined) === undefined) sizes.set(show(first), length);
  }
  return { sizes, batch: settings.batch, optimizer: settings.optimizer.kind };
}

/** Numbers that an optimizer keeps for each parameter. */
const moments: Readonly<Record<Optimizer['kind'], number>> = { sgd: 0, rmsprop: 1, adam: 2, adamw: 2 };

/** Sentences on the parameters of a call (its layers) or a model: count, memory, and without sharing. Markdown. */
export function sizeText(instances: readonly Instance[], training: Training | undefined): string[] {
  const counts = instances.map((instance) => parameterCounts(instance)[0]!.count);
  if (counts.some((count) => count === undefined))
    return ['The number of parameters depends on the vocabulary, which its data gives.', ...sharing(instances, undefined, training)];
  const count = counts.reduce<number>((sum, each) => sum + each!, 0);
  if (count === 0) return [];
  const layers = instances.length > 1 ? ` in ${instances.length} layers` : '';
  const kept = moments[training?.optimizer ?? 'adam'];
  const training32 =
    kept === 0 ? '' : `, ${bytes(4 * count * (1 + kept))} with the moments of ${optimizerNames[training?.optimizer ?? 'adam']}`;
  return [
    `**${grouped(count)} parameters**${layers}: ${bytes(4 * count)}${training32}.${instances.length === 1 ? blocks(instances[0]!) : ''}`,
    ...sharing(instances, count, training),
    ...activations(instances, training),
  ];
}

const optimizerNames: Readonly<Record<Optimizer['kind'], string>> = { sgd: 'SGD', rmsprop: 'RMSProp', adam: 'Adam', adamw: 'AdamW' };

/** Which of them are where: parameters of one shape together. */
function blocks({ params, nested }: Instance): string {
  if (params.length < 2 || nested.length > 0) return '';
  const groups = new Map<string, { names: string[]; count: number }>();
  for (const { binding, shape } of params) {
    const sizes = shape.map((dimension) => evaluate(dimension, () => undefined));
    if (sizes.some((size) => size === undefined)) return '';
    const key = showShape(shape);
    const group = groups.get(key) ?? { names: [], count: 0 };
    group.names.push(binding.name);
    group.count += sizes.reduce<number>((product, size) => product * size!, 1);
    groups.set(key, group);
  }
  return `\n\n${Array.from(groups, ([shape, { names, count }]) => `- ${names.map((name) => `\`${name}\``).join(' ')} ${shape}: ${grouped(count)}`).join('\n')}`;
}

/** The same network unrolled, each step with matrices of its own. */
function sharing(instances: readonly Instance[], count: number | undefined, training: Training | undefined): string[] {
  const [first] = instances;
  const over = first?.lift[0];
  if (over === undefined || !first!.stateful) return [];
  const steps = evaluate(over, (name) => training?.sizes.get(name));
  const name = show(over);
  const shared = `↻ ${name}: one set of weights for all steps.`;
  if (count === undefined) return [`${shared} Unrolled over ${name} steps without sharing, it would have ${name} times as many.`];
  const formula = `${steps === undefined || `${steps}` === name ? name : `${name} = ${grouped(steps)}`}`;
  return [
    steps === undefined
      ? `${shared} The same network unrolled over ${name} steps without sharing has ${name} × ${grouped(count)}: ${grouped(100 * count)} for 100 steps.`
      : `${shared} The same network unrolled over ${formula} steps without sharing has ${grouped(steps)} × ${grouped(count)} = ${grouped(steps * count)}.`,
  ];
}

/** What training keeps of the steps for the gradient. */
function activations(instances: readonly Instance[], training: Training | undefined): string[] {
  if (training === undefined) return [];
  const size = (name: string): number | undefined => training.sizes.get(name);
  const floats = instances.map((instance) => floatsOf(instance, size));
  if (floats.some((each) => each === undefined)) return [];
  const all = floats.reduce<number>((sum, each) => sum + each!, 0) * training.batch * 4;
  const lengths = Array.from(training.sizes, ([name, length]) => `${name} = ${grouped(length)}`).join(', ');
  return [
    `Values of its lines in a step of training: about ${bytes(all)} (batch ${training.batch}${lengths === '' ? '' : `, ${lengths}`}).`,
  ];
}

function floatsOf(instance: Instance, size: (name: string) => number | undefined): number | undefined {
  const product = (shape: readonly Dimension[]): number | undefined =>
    shape.reduce<number | undefined>((all, dimension) => {
      const length = evaluate(dimension, size);
      return all === undefined || length === undefined ? undefined : all * length;
    }, 1);
  const ofType = (type: Type): number | undefined => {
    if (type.kind === 'tensor') return product(type.shape);
    return type.kind === 'record' && type.value !== undefined ? product(type.value.shape) : 0;
  };
  let sum = 0;
  for (const { binding } of instance.lines) {
    const own = ofType(binding.type);
    if (own === undefined) return undefined;
    sum += own;
  }
  for (const inner of instance.nested) {
    const own = floatsOf(inner, size);
    if (own === undefined) return undefined;
    sum += own;
  }
  const steps = product(instance.lift);
  return steps === undefined ? undefined : sum * steps;
}

export const grouped = (count: number): string => count.toLocaleString('en');

export function bytes(count: number): string {
  if (count < 1024) return `${count} bytes`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let value = count / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

// What probes read out: inputs, as classes or as numbers, and random answers beside them.

import type { ModelInput } from '../../graph/model.ts';
import type { ProbeCurve } from '../../shared/analysis.ts';
import { random } from '../../shared/random.ts';
import type { StudyContext } from './study.ts';

/** The most frequent classes are answers; the others are never said, and count as wrong. */
const CLASSES = 100;
/** Inputs of so few numbers are probed number by number; of more the first are probed together. */
const APART = 3;
const TOGETHER = 64;

/** What is read out: answers by step and sequence, in columns, NaN where there is none. */
export interface Target {
  readonly name: string;
  readonly measure: ProbeCurve['measure'];
  /** By trace [T, B]: the class, as its place among the answers, or −1 for one that is not among them; of numbers [T, B, width]. NaN is no answer. */
  readonly values: readonly Float64Array[];
  readonly width: number;
  /** Random answers, alike. */
  readonly control: readonly Float64Array[];
}

export function targetsOf(input: ModelInput, context: StudyContext): Target[] {
  const { name, value } = input;
  if (value.type.dtype === 'int') return value.type.axes.length === 2 ? [classTarget(name, context)] : [];
  const given = context.groups.map((group) => group.inputs[name]!);
  const widths = given.map((data, k) => data.length / (context.groups[k]!.steps * context.groups[k]!.batch));
  const width = widths[0]!;
  const parts =
    width <= APART
      ? Array.from({ length: width }, (_, k) => ({ name: width === 1 ? name : `${name}[${k}]`, from: k, to: k + 1 }))
      : [{ name: width > TOGETHER ? `${name}[0 … ${TOGETHER - 1}]` : name, from: 0, to: Math.min(width, TOGETHER) }];
  return parts.map((part): Target => {
    const chance = random(context.seed, 'control', part.name);
    const own = part.to - part.from;
    const values = given.map((data) =>
      Float64Array.from({ length: (data.length / width) * own }, (_, at) => data[Math.floor(at / own) * width + part.from + (at % own)]!),
    );
    return {
      name: part.name,
      measure: 'R²',
      values,
      width: own,
      control: values.map((each) => each.map(() => chance.normal())),
    };
  });
}

/** Random answers are drawn as often as the classes occur, one for each class (Hewitt & Liang 2019). */
function classTarget(name: string, { groups, seed }: StudyContext): Target {
  const given = groups.map((group) => group.inputs[name]!);
  const counts = new Map<number, number>();
  for (const data of given) for (const each of data) if (each >= 0) counts.set(each, (counts.get(each) ?? 0) + 1);
  const known = [...counts].sort(([a, many], [b, more]) => more - many || a - b).slice(0, CLASSES);
  const places = new Map(known.map(([each], place) => [each, place]));
  const total = known.reduce((sum, [, count]) => sum + count, 0);
  const chance = random(seed, 'control', name);
  const drawn = known.map(() => {
    let left = chance.uniform() * total;
    const found = known.findIndex(([, count]) => {
      left -= count;
      return left < 0;
    });
    return Math.max(found, 0);
  });
  const values = given.map((data) => Float64Array.from(data, (each) => (each < 0 ? Number.NaN : (places.get(each) ?? -1))));
  const control = values.map((data) => data.map((place) => (place >= 0 ? drawn[place]! : place)));
  return { name, measure: 'accuracy', values, width: known.length, control };
}

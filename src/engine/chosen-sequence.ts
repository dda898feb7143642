// Which sequence of a run is stepped through, over what: the steps of most parts, those along an axis that was named, or one step of them along
// the sequences.

import { type AxisNames, axisText, itemAt, placesOf } from '../foreign/axes/names.ts';
import type { ForeignModel, ForeignRun } from '../foreign/model.ts';
import { PartError } from '../foreign/part.ts';
import type { PartGroup, RanPart } from '../foreign/session.ts';
import { axisInfoText, type ForeignInput } from '../shared/foreign.ts';

export interface ChosenSequence {
  readonly group: PartGroup;
  /** `speech.onnx · 12 steps · sequence 0 of 2` */
  readonly title: string;
  /** The step of the parts that stands still while their sequences are stepped over. */
  readonly still?: number;
  /** Of each sequence that could have been chosen, where they have names. */
  readonly names?: readonly string[];
}

/** More names than anybody looks through. */
const MOST_NAMES = 10_000;

/** Throws PartError where there is no such sequence. */
export function chosenSequence(model: ForeignModel, run: ForeignRun, { item = 0, over, decoder }: ForeignInput): ChosenSequence {
  const { idle } = run;
  const { isDecoder } = model;
  const side = decoder?.side ?? 'decoder';
  const ofSide = isDecoder === undefined ? run.ran : run.ran.filter(({ part }) => isDecoder(part) === (side === 'decoder'));
  // What was named may be an axis of either; a decoder without recurrence is seen by what it looks at, else by the encoder.
  const ran = over === undefined && ofSide.length > 0 ? ofSide : run.ran;
  if (ran.length === 0) {
    const why = idle.map(({ part, why: each }) => `${part.name}: ${each}`).join('; ');
    throw new PartError(`${model.name} has no recurrent part and no attention that ran${why === '' ? '' : ` (${why})`}.`);
  }
  const names = model.axes(run.calls[0]);
  if (over === undefined) return ownSteps(model, names, ran, item);
  const native = ran.filter(({ part }) => {
    const steps = names.of(part)?.steps ?? [];
    return steps.length === 1 && names.isMeant(steps[0]!, over);
  });
  if (native.length > 0) {
    const { lengths } = native[0]!.bound;
    // Attention goes along, unless it is known to have other steps.
    const beside = ran.filter(
      ({ part, bound }) => part.weighing !== undefined && names.of(part) === undefined && bound.lengths.join() === lengths.join(),
    );
    return ownSteps(model, names, [...native, ...beside], item, over);
  }
  const across = ran.filter(
    ({ part, iteration }) => iteration === 0 && names.of(part)?.sequences.some((each) => names.isMeant(each, over)),
  );
  if (across.length > 0) return alongSequences(model, names, across, item, over);
  throw noAxis(names, ran, over);
}

/** Of a trace whose axis of time is to be this one: which axis of its sequences that is; undefined of parts that have it no such. Throws PartError where
 *  none steps over it and none stands along it. */
export function axesAlong(names: AxisNames, ran: readonly RanPart[], over: string): ReadonlyMap<RanPart['part'], number> {
  const found = new Map<RanPart['part'], number>();
  let isKnown = false;
  for (const { part } of ran) {
    const axes = names.of(part);
    isKnown ||= axes?.steps.some((each) => names.isMeant(each, over)) ?? false;
    const axis = axes?.sequences.findIndex((each) => names.isMeant(each, over)) ?? -1;
    if (axis >= 0) found.set(part, axis);
  }
  if (!isKnown && found.size === 0) throw noAxis(names, ran, over);
  return found;
}

function noAxis(names: AxisNames, ran: readonly RanPart[], over: string): PartError {
  const known = ran.flatMap(({ part }) => {
    const axes = names.of(part);
    return axes === undefined ? [] : [...axes.steps, ...axes.sequences].map((each) => axisInfoText(names.infoOf(each)));
  });
  return new PartError(`No part steps over “${over}”. There are ${[...new Set(known)].join(', ') || 'no axes that can be told'}.`);
}

/** The parts that ran over the sequence: most of them, if there are sequences of several lengths. */
function ownSteps(model: ForeignModel, names: AxisNames, ran: readonly RanPart[], item: number, over?: string): ChosenSequence {
  const most = sequencesOf(ran);
  const having = ran.filter(({ bound, iteration }) => iteration === 0 && (bound.lengths[item] ?? 0) > 0);
  if (having.length === 0) throw new PartError(`There are sequences 0 to ${most - 1}: ${item} is not among them, or is empty.`);
  const byLength = Map.groupBy(having, ({ bound }) => bound.lengths[item]!);
  // Attention goes along with what is recurrent.
  const worth = (parts: readonly RanPart[]): number =>
    parts.length + having.length * parts.filter(({ part }) => part.weighing === undefined).length;
  const [steps, parts] = [...byLength].reduce((best, each) => (worth(each[1]) > worth(best[1]) ? each : best));
  // Of parts whose sequences are other ones, those of the first.
  const [first] = parts.filter(({ part }) => part.weighing === undefined);
  const own = parts.filter(({ bound }) => first === undefined || bound.lengths.length === first.bound.lengths.length);
  const { part } = own[0]!;
  const where = names.sequenceText(part, item);
  const count = sequencesOf(own);
  return {
    ...(where === undefined || count > MOST_NAMES ? {} : { names: namesOf(count, (each) => names.sequenceText(part, each)!) }),
    group: { parts: own, items: [item], steps },
    title: [
      model.name,
      stepsText(steps, over),
      ...(where === undefined ? [] : [where]),
      ...(count > 1 ? [`sequence ${item} of ${count}`] : []),
    ].join(' · '),
  };
}

/** One step of the parts, at every place of an axis that their sequences stand along. */
function alongSequences(model: ForeignModel, names: AxisNames, ran: readonly RanPart[], item: number, over: string): ChosenSequence {
  const [first] = ran as [RanPart, ...RanPart[]];
  const { sequences, steps: own } = names.of(first.part)!;
  const axis = sequences.findIndex((each) => names.isMeant(each, over));
  const steps = first.bound.lengths[0]!;
  const parts = ran.filter(
    ({ part, bound }) => bound.lengths.every((each) => each === steps) && sameText(names, part) === sameText(names, first.part),
  );
  if (!parts.includes(first))
    throw new PartError(`The sequences of ${first.part.name} are of several lengths: they have no steps in common.`);
  // What is left to choose: a place of the other axes, and the step.
  const others = sequences.filter((_, k) => k !== axis);
  const choices = [...others, { size: steps }];
  const count = choices.reduce((all, { size }) => all * size, 1);
  if (item >= count) throw new PartError(`There are sequences 0 to ${count - 1}: ${item} is not among them.`);
  const places = placesOf(choices, item);
  const axes = [...others, own[0] ?? { size: steps }].map((each) => axisText(names.infoOf(each)));
  const textOf = (each: number): string =>
    placesOf(choices, each)
      .map((place, k) => `${axes[k]} ${place}`)
      .join(', ');
  const still = places.at(-1)!;
  const items = Array.from({ length: sequences[axis]!.size }, (_, place) =>
    itemAt(sequences, [...places.slice(0, axis), place, ...places.slice(axis, -1)]),
  );
  return {
    group: { parts, items, steps },
    still,
    ...(count > MOST_NAMES ? {} : { names: namesOf(count, textOf) }),
    title: [model.name, stepsText(items.length, over), textOf(item), ...(count > 1 ? [`sequence ${item} of ${count}`] : [])].join(' · '),
  };
}

const namesOf = (count: number, text: (item: number) => string): string[] => Array.from({ length: count }, (_, item) => text(item));

const sameText = (names: AxisNames, part: RanPart['part']): string => JSON.stringify(names.of(part));

const sequencesOf = (ran: readonly RanPart[]): number => Math.max(...ran.map(({ bound }) => bound.lengths.length));

const stepsText = (steps: number, over: string | undefined): string =>
  `${steps.toLocaleString('en-US')} steps${over === undefined ? '' : ` over ${over}`}`;

// Attention over whole sequences as a part like any other: a cell whose step is one place of what attends, so that its weights can be stepped
// through beside the gates. Attention within a recurrence is a line of that recurrence's own cell instead.

import { elementTypes } from '../../onnx/proto.ts';
import type { Tensor } from '../../runtime/runtime.ts';
import { joinedFloats } from '../../shared/numeric.ts';
import { type BoundPart, type CellText, type Expected, PartError, type Port, type RecurrentPart, type SpelledGradient } from '../part.ts';
import { portTypes } from '../port-types.ts';
import type { Statics } from '../statics.ts';
import { type AttentionNumbers, attentionNumbers } from './layout.ts';
import type { AttentionSite } from './sites.ts';

export interface AttentionNaming {
  /** One of the language. */
  readonly name: string;
  readonly title: string;
  /** Heads that lie in the batch. */
  readonly heads: number;
}

export function attentionPart(site: AttentionSite, statics: Statics, { name, title, heads }: AttentionNaming): RecurrentPart {
  const { scope, nodes, scores, weights, moves, product } = site;
  const shaped = moves.flatMap((move) => (move.kind === 'reshaped' ? [move.as] : []));
  const ports = [...new Set([scores, weights, product.values, product.result, ...shaped])].map((each): Port => {
    const type = statics.type(scope, each) ?? elementTypes.float32;
    return { name: each, type: (type === 'sequence' ? undefined : portTypes[type]) ?? 'float32' };
  });
  const isFloat = (statics.type(scope, product.result) ?? elementTypes.float32) === elementTypes.float32;
  return {
    name,
    title,
    kind: 'cell',
    form: 'spelled out',
    scope,
    directions: ['forward'],
    nodes,
    values: ['weights', 'context'],
    attention: ['weights'],
    ...layoutOf(site),
    weighing: { value: weights, axis: site.axis, ...shapeOf(site, statics), ...(heads > 1 ? { heads } : {}) },
    ports,
    bind: (values) => bound(title, isFloat ? site : undefined, [numbersOf(site, heads, values)]),
    bindJoined: (calls) =>
      bound(
        title,
        undefined,
        calls.map((values) => numbersOf(site, heads, values)),
      ),
  };
}

/** Of a product whose axes have their places. */
function layoutOf({ product: { form, weights } }: AttentionSite): Pick<RecurrentPart, 'layout'> {
  if (form.kind !== 'matmul') return {};
  const [steps, places] = form.weightsFirst ? [-2, -1] : [-1, -2];
  return { layout: { value: weights, steps, sequences: 0, places } };
}

/** The sizes of the weights as the file has them; of the scores where it says those. */
function shapeOf({ scope, scores, weights }: AttentionSite, statics: Statics): { readonly shape?: readonly (number | undefined)[] } {
  const shape = statics.shape(scope, weights) ?? statics.shape(scope, scores);
  return shape === undefined ? {} : { shape };
}

function numbersOf(site: AttentionSite, heads: number, values: ReadonlyMap<string, Tensor>): AttentionNumbers {
  const tensor = (name: string): Tensor => {
    const found = values.get(name);
    if (found === undefined) throw new PartError(`“${name}” was not computed.`);
    return found;
  };
  return attentionNumbers(site.moves, site.product, {
    scores: tensor(site.scores),
    weights: tensor(site.weights),
    values: tensor(site.product.values),
    context: tensor(site.product.result),
    heads,
    shapeOf: (name) => tensor(name).dims,
  });
}

/** Of one run, or of each call. */
function bound(title: string, site: AttentionSite | undefined, calls: readonly AttentionNumbers[]): BoundPart {
  const [first] = calls as [AttentionNumbers, ...AttentionNumbers[]];
  const { items, heads, places, features } = first;
  const alike = (each: AttentionNumbers): boolean =>
    each.items === items && each.heads === heads && each.places === places && each.features === features;
  if (!calls.every(alike)) throw new PartError('It sees more places at each call, which one cell has no way to show.');
  if (places === 0 || first.steps === 0) throw new PartError('It had nothing to look at in this run.');
  const steps = calls.reduce((sum, each) => sum + each.steps, 0);
  // Where each call brings values of its own, they are a step's.
  const isStreamed = calls.length > 1;
  const cell = cellOf(title, first, isStreamed);
  return {
    lengths: Array.from({ length: items }, () => steps),
    ...(isStreamed || site === undefined ? {} : { gradient: gradientOf(first, site) }),
    runs: [
      {
        direction: 'forward',
        cell,
        weights: new Map(),
        sequence(item) {
          const inputs: Record<string, Float32Array> = {};
          const expected: Expected[] = [];
          for (let head = 0; head < heads; head += 1) {
            const own = (name: string): string => named(name, head, heads);
            const row = item * heads + head;
            const read = (of: (each: AttentionNumbers) => Float32Array, width: (each: AttentionNumbers) => number): Float32Array =>
              joinedFloats(calls.map((each) => of(each).subarray(row * width(each), (row + 1) * width(each))));
            const repeated = (each: AttentionNumbers): Float32Array => {
              const values = each.values.subarray(row * places * features, (row + 1) * places * features);
              return joinedFloats(Array.from({ length: each.steps }, () => values));
            };
            inputs[own('scores')] = read(
              (each) => each.scores,
              (each) => each.steps * places,
            );
            inputs[own('values')] = isStreamed
              ? joinedFloats(calls.map(repeated))
              : first.values.subarray(row * places * features, (row + 1) * places * features);
            const weights = read(
              (each) => each.weights,
              (each) => each.steps * places,
            );
            const context = read(
              (each) => each.context,
              (each) => each.steps * features,
            );
            expected.push(
              { line: own('weights'), data: weights, lastOnly: false },
              { line: `${own('context')}'`, data: context, lastOnly: false },
            );
          }
          return { inputs, expected };
        },
      },
    ],
  };
}

/** Its gradients begin with what other nodes give to its weights and to what they add up. */
function gradientOf(
  { heads, steps, places, features, asWeights, asContext }: AttentionNumbers,
  { weights, product, inside }: AttentionSite,
): SpelledGradient {
  const kept = new WeakMap<Tensor, Float32Array>();
  const lines = [
    { value: weights, name: 'weights', prime: '', size: steps * places, arranged: asWeights },
    { value: product.result, name: 'context', prime: "'", size: steps * features, arranged: asContext },
  ];
  const all = Array.from({ length: heads }, (_, head) => lines.map((line) => ({ ...line, head }))).flat();
  return {
    form: 'spelled out',
    // The values of all steps are one.
    steps: 1,
    outputs: lines.map(({ value }) => value),
    valueAt: (output) => output,
    nodes: new Set(inside),
    seeds: all.map(({ name, prime, head }) => `${named(name, head, heads)}${prime}`),
    seed: (_, item, cotangents) =>
      all.map(({ value, size, head, arranged }) => {
        const tensor = cotangents.get(value);
        if (tensor === undefined) return new Float32Array(size);
        const found = kept.get(tensor) ?? arranged({ ...tensor, dims: tensor.dims.slice(1) });
        kept.set(tensor, found);
        return found.subarray((item * heads + head) * size, (item * heads + head + 1) * size);
      }),
  };
}

const named = (name: string, head: number, heads: number): string => (heads === 1 ? name : `${name}_${head}`);

/** What a head adds up is its state only so that it stands beside others over time: no step reads that of the one before. */
function cellOf(title: string, { heads, places, features }: AttentionNumbers, isStreamed: boolean): CellText {
  const all = Array.from({ length: heads }, (_, head) => (name: string) => named(name, head, heads));
  const scores = all.map((own) => ({ name: own('scores'), shape: [places] }));
  const values = all.map((own) => ({ name: own('values'), shape: [places, features] }));
  return {
    doc: `${title === '' ? 'Attention' : `Attention of ${title}`}: ${heads === 1 ? '' : `${heads} heads, `}${places} places of ${features} numbers each.`,
    inputs: isStreamed ? [...scores, ...values] : scores,
    held: isStreamed ? [] : values,
    states: all.map((own) => ({ name: own('context'), shape: [features] })),
    parameters: [],
    lines: all.flatMap((own) => [
      { name: own('weights'), text: `softmax(${own('scores')})`, comment: 'attention', attention: true as const },
      { name: `${own('context')}'`, text: `${own('weights')} @ ${own('values')}` },
    ]),
    value: all.at(-1)!('context'),
  };
}

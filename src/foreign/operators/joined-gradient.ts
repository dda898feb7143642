// Cotangents across the border of an operator that was called once for each of a sequence's pieces, its state handed on: its calls are one run of its
// cell, whose gradient goes through time by itself.

import { type BoundPart, callKey, type OperatorGradient } from '../part.ts';

/** Of the calls one after the other; names of the second call on are those of `callKey`. undefined where one of them has no gradient. */
export function joinedGradient(calls: readonly BoundPart[]): OperatorGradient | undefined {
  const all = calls.flatMap(({ gradient, lengths }) => (gradient?.form === 'operator' ? [{ gradient, lengths }] : []));
  const [first] = all;
  if (first === undefined || all.length !== calls.length) return undefined;
  const named = (of: (gradient: OperatorGradient) => readonly string[]): string[] =>
    all.flatMap(({ gradient }, call) => of(gradient).map((name) => callKey(name, call)));
  return {
    form: 'operator',
    outputs: named(({ outputs }) => outputs),
    inputs: named(({ inputs }) => inputs),
    seeds: first.gradient.seeds,
    seed: (run, item, cotangents) => {
      const pieces = all.map(({ gradient }, call) => {
        const own = gradient.outputs.flatMap((name) => {
          const cotangent = cotangents.get(callKey(name, call));
          return cotangent === undefined ? [] : [[name, cotangent] as const];
        });
        return gradient.seed(run, item, new Map(own));
      });
      return first.gradient.seeds.map((_, place) => concatenated(pieces.map((piece) => piece[place]!)));
    },
    back: (of) => {
      const starts = first.lengths.map(() => 0);
      return new Map(
        all.flatMap(({ gradient, lengths }, call) => {
          const found = gradient.back((run, item, input) => {
            const whole = of(run, item, input);
            if (whole === undefined || input !== 'x') return call === 0 ? whole : undefined;
            const total = all.reduce((sum, each) => sum + each.lengths[item]!, 0);
            const width = whole.length / total;
            return whole.subarray(starts[item]! * width, (starts[item]! + lengths[item]!) * width);
          });
          for (const [item, length] of lengths.entries()) starts[item]! += length;
          // States that a call hands to the next are inside.
          const [x] = gradient.inputs;
          return [...found].flatMap(([name, tensor]) => (call === 0 || name === x ? [[callKey(name, call), tensor] as const] : []));
        }),
      );
    },
  };
}

function concatenated(pieces: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

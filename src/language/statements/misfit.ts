// Whether a model has the inputs that a source of data gives.

import type { Model } from '../generated/ast.ts';
import { textOf } from '../places.ts';

const wanted: Readonly<Record<string, { readonly text: string; readonly kinds: readonly Kind[] }>> = {
  pairs: {
    text: 'two sequences of classes, for inputs like source: [S] of English, target: [T] of French',
    kinds: ['sequence', 'sequence'],
  },
  dialogue: { text: 'two sequences of classes, for inputs like said: [S] of Word, reply: [T] of Word', kinds: ['sequence', 'sequence'] },
  images: {
    text: 'an image and a sequence of classes, for inputs like image: [3, 64, 64], caption: [T] of Word',
    kinds: ['image', 'sequence'],
  },
};

/** `sequence`: one dimension of classes; `image`: three of numbers. */
type Kind = 'sequence' | 'image' | 'other';

/** What does not fit, in words; undefined where all fits, or the source takes inputs of many kinds. */
export function misfitOf(source: string, model: Model): string | undefined {
  const asked = wanted[source];
  if (asked === undefined) return undefined;
  const inputs = model.inputs.flatMap((input) =>
    input.$type === 'ValueInput' && (input.type?.$type === 'TensorType' || input.type?.$type === 'ClassType') ? [input] : [],
  );
  const kinds = inputs.map(({ type }): Kind => {
    if (type?.$type !== 'TensorType') return 'other';
    if (type.dimensions.length === 1 && type.classes !== undefined) return 'sequence';
    return type.dimensions.length === 3 && type.classes === undefined ? 'image' : 'other';
  });
  if ([...kinds].sort().join() === [...asked.kinds].sort().join()) return undefined;
  const found = inputs.map((input) => textOf(input)).join(' and ') || 'none';
  return `\`${source}\` gives ${asked.text}; model ${model.name} has ${inputs.length === 0 ? 'none' : found}.`;
}

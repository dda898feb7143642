// Inputs that come from no file: zeros, constants, ramps, sizes and seeded random numbers.

import type { GeneratedChoice, RandomChoice } from '../../shared/inputs.ts';
import { random } from '../../shared/random.ts';
import { type Element, type ElementData, elementsIn, type Value } from './elements.ts';
import { InputError, largeTensor } from './errors.ts';
import type { Port, Sizes } from './ports.ts';

/** Bytes of an input that is made: a damaged size must not take all memory. */
const MOST = 2 ** 27;

export interface Generated {
  readonly dims: readonly number[];
  readonly data: ElementData;
}

/** The tensor of a choice, in the shape of the input. What is random depends on the seed and the input's name only. Throws InputError where a
 *  size is open, a value is none of the type, or it would be too large. */
export function generate(port: Port, element: Element, choice: GeneratedChoice, sizes: Sizes): Generated {
  const dims = sizes.dimsOf(port);
  const length = elementsIn(dims);
  if (!(length * element.bytes <= MOST)) throw largeTensor(port.name, dims, length * element.bytes, MOST);
  const data = element.make(length);
  if (choice.kind === 'zeros') return { dims, data };
  const valueAt = valuesOf(port, element, choice, sizes);
  for (let k = 0; k < length; k += 1) {
    const why = element.put(data, k, valueAt(k));
    if (why !== undefined) throw new InputError(`${port.name}: ${why}.`);
  }
  return { dims, data };
}

function valuesOf(port: Port, element: Element, choice: Exclude<GeneratedChoice, { kind: 'zeros' }>, sizes: Sizes): (k: number) => Value {
  switch (choice.kind) {
    case 'constant':
      return () => choice.value;
    case 'ramp': {
      const { from = 0, step = 1 } = choice;
      return (k) => from + k * step;
    }
    case 'size': {
      const size = sizes.known(choice.of);
      return () => size;
    }
    case 'random':
      return drawn(port, element, choice);
  }
}

function drawn({ name }: Port, element: Element, choice: RandomChoice): (k: number) => Value {
  const chance = random(choice.seed, name);
  const { mean = 0, deviation = 1, from, below } = choice;
  for (const [what, value] of Object.entries({ mean, deviation, from, below }))
    if (value !== undefined && !Number.isFinite(value)) throw new InputError(`${name}: ${what} is ${value}. Give a number.`);
  if (element.isFloat && from === undefined && below === undefined) return () => mean + deviation * chance.normal();
  const low = from ?? 0;
  const high = below ?? low + (element.isFloat ? 1 : 2);
  if (high <= low) throw new InputError(`${name}: there is no number from ${low} to below ${high}. Give a larger bound.`);
  if (element.isFloat) return () => low + (high - low) * chance.uniform();
  if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high))
    throw new InputError(`${name} is ${element.name}: give whole numbers for its range, not ${low} to ${high}.`);
  return () => low + Math.floor((high - low) * chance.uniform());
}

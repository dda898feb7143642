// What a generated task is made of.

import type { Random } from '../shared/random.ts';
import type { TaskSource } from '../shared/settings.ts';

/** One input that a task gives. */
export interface Given {
  readonly name: string;
  /** Its tokens where it holds classes; else it holds numbers. */
  readonly tokens?: readonly string[];
  /** How a text that is typed is cut into the tokens; a token is a label unless told otherwise. */
  readonly by?: 'char' | 'word';
  /** Numbers a step, or in all where it has no steps. */
  readonly width: number;
  /** Of numbers without steps that are no mere list: [3, 64, 64]. */
  readonly shape?: readonly number[];
  /** 'steps': a value a timestep; 'whole': one an example; 'either': of each step, or of the last alone, as the model wants it. */
  readonly over: 'steps' | 'whole' | 'either';
  /** Inputs of one group have one length. */
  readonly group?: string;
  /** It is for who asks by its name. */
  readonly isExtra?: true;
}

/** Row-major numbers or class numbers. What takes long to make is made when it is asked for. */
export type Drawn = ArrayLike<number> | (() => Float32Array);

export interface Task {
  readonly inputs: readonly Given[];
  /** In the order of the inputs. */
  draw(chance: Random, length: number): readonly Drawn[];
  /** Least and most. */
  readonly lengths: readonly [number, number];
  /** Lengths differ whatever `lengths` says. */
  readonly varies?: true;
}

export type Options = TaskSource['options'];

export const one = (options: Options, name: string, usual: number): number => {
  const given = options[name];
  return typeof given === 'number' ? given : (given?.[1] ?? usual);
};

export const lengthsOf = (options: Options, usual: number): readonly [number, number] => {
  const { length = usual } = options;
  return typeof length === 'number' ? [length, length] : length;
};

export const below = (chance: Random, count: number): number => Math.floor(chance.uniform() * count);

export const oneOf = <Value>(chance: Random, values: readonly Value[]): Value => values[below(chance, values.length)]!;

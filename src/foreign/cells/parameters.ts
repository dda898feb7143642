// The parameters of a cell that is being written, and their names: a letter for what they do, and the line they belong to.

import type { Named } from '../part.ts';
import type { Expression } from './expression.ts';

/** W for what is multiplied with the input, U with a state, b what is added, d added inside of a product, p what multiplies unit by unit, P an order. */
export type Letter = 'W' | 'U' | 'b' | 'd' | 'p' | 'P';

/** Letters that are taken one after the other. */
const letters: Readonly<Record<Letter, readonly string[]>> = {
  W: ['W', 'V', 'A', 'B'],
  U: ['U', 'R', 'Q', 'S'],
  b: ['b', 'd', 'e'],
  d: ['d', 'e', 'b'],
  p: ['p', 'q', 's'],
  P: ['P'],
};

export interface Parameter {
  readonly letter: Letter;
  readonly shape: readonly number[];
  /** The weight, or numbers that the equations themselves need. */
  readonly of: Expression | Float32Array;
  /** The line it belongs to; absent in a cell of one line. */
  readonly line: string | undefined;
  /** The file's own name is taken where it is a letter. */
  readonly keepsName: boolean;
}

export class Parameters {
  /** Names that are taken in the cell. */
  readonly #taken: Set<string>;
  readonly #known = new Map<string, string>();
  readonly #all = new Map<string, Parameter>();

  constructor(taken: Set<string>) {
    this.#taken = taken;
  }

  /** The name of a parameter: one for what has the same key and shape. */
  name(key: string, parameter: Parameter): string {
    const { letter, shape, of, line, keepsName } = parameter;
    const whole = `${key} [${shape.join(',')}]`;
    const known = this.#known.get(whole);
    if (known !== undefined) return known;
    const own = letters[letter];
    const candidates = [...own, ...Array.from({ length: 100 }, (_, k) => `${own[0]}${k + 2}`)];
    const said = keepsName && !(of instanceof Float32Array) && of.kind === 'leaf' ? shortWord(of.name) : undefined;
    const name =
      said !== undefined && !this.#taken.has(said)
        ? said
        : candidates.map((each) => (line === undefined ? each : `${each}_${line}`)).find((each) => !this.#taken.has(each))!;
    this.#taken.add(name);
    this.#all.set(name, parameter);
    this.#known.set(whole, name);
    return name;
  }

  get shapes(): Named[] {
    return [...this.#all].map(([name, { shape }]) => ({ name, shape }));
  }

  get weights(): Map<string, Expression | Float32Array> {
    return new Map([...this.#all].map(([name, { of }]) => [name, of]));
  }
}

/** A weight's name in the file, where that is a letter of an equation: `W_f`. */
const shortWord = (name: string): string | undefined => /(?:^|[./])([A-Za-z](?:_[a-z]{1,3})?)$/.exec(name)?.[1];

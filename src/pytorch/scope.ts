// Where an expression is written: the method of a class, the values of its names, and how long its dimensions are.

import type { Binding, Instance, Type } from '../language/check/core.ts';
import { type Dimension, evaluate, isSame, resolve, type Variable, variableOf } from '../language/check/dimensions.ts';
import { identifier, type Py, type PyRecord } from './python.ts';

export type Value = Py | PyRecord;

/** One instance's equations, as the methods of a class have them. */
export class Scope {
  readonly instance: Instance;
  readonly sizes: (name: string) => number | undefined;
  readonly bindings = new Map<Binding, Value>();
  /** Statements that stand before the one in hand. */
  readonly statements: string[] = [];
  /** Dimensions of the cell that some row may end before: their lengths are arguments. */
  readonly lengths = new Set<string>();
  /** Sizes that the methods read: \`self.H\`. */
  readonly used = new Set<string>();
  usesStep = false;
  /** Lines stand within a step of a run. */
  readonly steps: boolean;
  /** How sizes are called: \`self.\` in a method, nothing in \`__init__\`. */
  prefix = 'self.';
  readonly #names = new Set<string>();

  constructor(instance: Instance, sizes: (name: string) => number | undefined, steps: boolean) {
    this.instance = instance;
    this.sizes = sizes;
    this.steps = steps;
  }

  /** A name for a value in between. */
  temporary(name: string): string {
    let found = name;
    for (let k = 2; this.#names.has(found); k += 1) found = `${name}_${k}`;
    this.#names.add(found);
    return found;
  }

  /** The dimensions that are known when the module is made, by the names of the cell; those that are asked for as sizes come last. */
  get fixed(): readonly string[] {
    const known = [...this.instance.dimensions].flatMap(([name, dimension]) => (this.number(dimension) === undefined ? [] : [name]));
    const isSize = (name: string): boolean => this.instance.cell.inputs.some((input) => input.$type === 'SizeInput' && input.name === name);
    return [...known.filter((name) => !isSize(name)), ...known.filter(isSize)];
  }

  /** Some tensor that is there: of its device others are made. */
  get like(): string {
    for (const value of this.bindings.values()) if (value.kind === 'tensor' && value.lead && !value.scalar) return value.code;
    return 'next(self.parameters())';
  }

  number(dimension: Dimension): number | undefined {
    return evaluate(dimension, this.sizes);
  }

  /** A dimension whose length is known only when the module runs: how the cell calls it. */
  open(dimension: Dimension): string | undefined {
    if (this.number(dimension) !== undefined) return undefined;
    for (const [name, own] of this.instance.dimensions) if (isSame(own, dimension)) return name;
    return undefined;
  }

  /** The lengths of the rows along a dimension. */
  lengthsOf(dimension: Dimension): string | undefined {
    const name = this.open(dimension);
    if (name === undefined) return undefined;
    this.lengths.add(name);
    return lengthsName(name);
  }

  /** The input that tells how long an open dimension is. */
  inputOf(dimension: Dimension): Instance['inputs'][number] | undefined {
    if (this.open(dimension) === undefined) return undefined;
    return this.instance.inputs.find(
      ({ binding: { type }, declaration }) =>
        type.kind === 'tensor' && declaration.type !== undefined && type.shape.some((own) => isSame(own, dimension)),
    );
  }

  /** A length in Python. */
  size(dimension: Dimension): string | undefined {
    const number = this.number(dimension);
    if (number !== undefined) return this.#written(dimension) ?? `${number}`;
    const name = this.open(dimension);
    if (name === undefined) return undefined;
    for (const { binding, declaration } of this.instance.inputs) {
      if (binding.type.kind !== 'tensor' || declaration.type === undefined) continue;
      const { shape } = binding.type;
      const place = shape.findIndex((own) => isSame(own, dimension));
      const value = this.bindings.get(binding);
      if (place >= 0 && value?.kind === 'tensor') return `${value.code}.shape[${place - shape.length}]`;
    }
    return undefined;
  }

  /** In the words of the cell, where it has a name for it: \`4 * self.H\`. */
  #written(dimension: Dimension): string | undefined {
    const own = new Map<Variable, string>();
    for (const [name, { terms }] of this.instance.dimensions) {
      const [term] = terms;
      if (terms.length === 1 && term!.factor === 1 && term!.variables.length === 1) own.set(term!.variables[0]!, name);
    }
    const { terms } = dimension;
    if (terms.length === 0) return '0';
    if (terms.every(({ variables }) => variables.every((variable) => own.has(variable))))
      return terms
        .map(({ factor, variables }) => {
          const names = variables.map((variable) => {
            const name = own.get(variable)!;
            this.used.add(name);
            return `${this.prefix}${identifier(name)}`;
          });
          return [...(factor === 1 && names.length > 0 ? [] : [`${factor}`]), ...names].join(' * ');
        })
        .join(' + ');
    const [term] = terms;
    const binding = terms.length === 1 && term!.factor === 1 && term!.variables.length === 1 ? term!.variables[0]!.binding : undefined;
    if (binding !== undefined) return this.#written(binding);
    // by what it is equal to
    const settled = resolve(dimension);
    const variable = variableOf(settled);
    return variable === undefined || settled === dimension ? undefined : this.#writtenOf(variable, own);
  }

  /** A length that a call has been told as a number, by the name that the cell has for it. */
  named(dimension: Dimension, preferred?: string): string | undefined {
    const written = this.size(dimension);
    if (written === undefined || !/^\d+$/.test(written) || written === '1') return written;
    const number = Number(written);
    const fixed = this.fixed.map((name) => [name, this.number(this.instance.dimensions.get(name)!)!] as const);
    const equal = fixed.filter(([, size]) => size === number).map(([name]) => name);
    const name = equal.find((each) => each === preferred) ?? equal.at(-1);
    if (name !== undefined) return this.#use(name);
    for (const [a, x] of fixed) for (const [b, y] of fixed) if (a !== b && x + y === number) return `${this.#use(a)} + ${this.#use(b)}`;
    return written;
  }

  /** What a nested call is told for one of its sizes. A number that the call itself says stays one. */
  sizeOfCall(nested: Instance, name: string): string {
    const dimension = nested.dimensions.get(name)!;
    const number = this.number(dimension)!;
    const header = nested.cell.inputs.find((input) => input.$type === 'SizeInput' && input.name === name);
    if (header?.fallback?.$type === 'NumberLiteral' && header.fallback.value === number) return `${number}`;
    const said = new RegExp(`(?<![\\w.])${number}(?![\\w.])`).test(nested.call?.$cstNode?.text ?? '');
    if (said || this.instance.parent === undefined) return this.size(dimension) ?? `${number}`;
    return this.named(dimension, name) ?? `${number}`;
  }

  #use(name: string): string {
    this.used.add(name);
    return `${this.prefix}${identifier(name)}`;
  }

  #writtenOf(variable: Variable, own: ReadonlyMap<Variable, string>): string | undefined {
    const name = own.get(variable);
    if (name === undefined) return undefined;
    this.used.add(name);
    return `${this.prefix}${identifier(name)}`;
  }
}

export const lengthsName = (dimension: string): string => `lengths_${identifier(dimension)}`;

/** How many dimensions of its own a value of this type has. */
export const rankOf = (type: Type): number =>
  type.kind === 'tensor' ? type.shape.length : type.kind === 'record' ? (type.value?.shape.length ?? 0) : 0;

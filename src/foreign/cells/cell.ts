// A step that has been read, as a cell: which of its expressions are states, inputs and outputs, what they are called, and where their numbers lie.

import { type CellText, type Named, type Numbers, PartError } from '../part.ts';
import { type Expression, type Leaf, operandsOf, sizeOf } from './expression.ts';
import type { Expressions } from './expressions.ts';
import type { Layout, ReadCell } from './given.ts';
import { WeightNumbers } from './numbers.ts';
import { maskOf, type RecognisedCell, recognised } from './recognise.ts';
import { leafOf, type StepReading, StepValues } from './step-values.ts';
import { expressionOf, SizeError, type Tensor } from './value.ts';
import { wordOf } from './words.ts';
import { type Root, type Written, writeCell } from './write.ts';

/** Throws PartError where the step does what the language has no way to write, and SizeError where sizes do not meet. */
export function cellOf(step: StepReading): ReadCell {
  return new CellReader(step, new StepValues(step)).cell();
}

interface OwnState {
  readonly before: string;
  readonly after: string;
  readonly from: Tensor;
  readonly to: Tensor;
}

interface Input {
  readonly leaf: Leaf;
  readonly name: string;
  readonly batch: number | undefined;
}

class CellReader {
  readonly #step: StepReading;
  readonly #values: StepValues;
  readonly #states: readonly OwnState[];
  /** Before and after the step. */
  readonly #expressions: readonly { readonly before: Expression; readonly after: Expression }[];
  readonly #found: RecognisedCell;
  readonly #stateNames: readonly string[];
  readonly #outputs: readonly { readonly name: string; readonly tensor: Tensor; readonly of: Expression }[];
  readonly #names = new Map<Leaf, string>();
  readonly #taken = new Set<string>();

  constructor(step: StepReading, values: StepValues) {
    this.#step = step;
    this.#values = values;
    this.#states = step.body.states.map(({ before, after }) => this.#state(before, after));
    this.#expressions = this.#states.map(({ from, to }) => ({ before: from.of, after: ordered(values.make, to, from) }));
    this.#found = recognised(this.#expressions);
    for (const name of this.#found.states.values()) this.#taken.add(name);
    this.#stateNames = this.#states.map(
      ({ before }, k) => this.#found.states.get(k) ?? this.#free(wordOf(before) ?? (this.#states.length === 1 ? 'h' : `s${k + 1}`)),
    );
    this.#states.forEach(({ from }, k) => {
      this.#names.set(from.of as Leaf, this.#stateNames[k]!);
    });
    this.#outputs = step.body.outputs.flatMap((name) => {
      const tensor = values.find(name);
      const of = tensor === undefined ? undefined : expressionOf(values.make, tensor);
      return tensor === undefined || of === undefined || of.kind === 'constant' || of.isWeight ? [] : [{ name, tensor, of }];
    });
  }

  cell(): ReadCell {
    const states = this.#states;
    const used = usedLeaves([...this.#expressions.map(({ after }) => after), ...this.#outputs.map(({ of }) => of)]);
    const inputs = this.#inputs(used);
    const held: readonly Input[] = this.#values.held.filter(({ leaf }) => used.has(leaf));
    held.forEach(({ leaf, name }, k) => {
      this.#names.set(leaf, this.#free(wordOf(name) ?? `m${held.length === 1 ? '' : k + 1}`));
    });
    const outputNames = this.#outputs.map(({ name, of }, k) => {
      const state = this.#expressions.findIndex(({ after }) => after === of);
      return state >= 0 ? `${this.#stateNames[state]}'` : this.#free(wordOf(name) ?? (this.#outputs.length === 1 ? 'y' : `y${k + 1}`));
    });
    const value = this.#value();
    const written = writeCell(this.#found, this.#roots(outputNames, value), this.#names, this.#values.words);
    const initial = states.map(({ before }, k) =>
      this.#step.options.hasInitial(before) ? this.#free(`${this.#stateNames[k]}_0`) : undefined,
    );
    const known = (size: number): number | undefined => (this.#step.sizes.isKnown(size) ? size : undefined);
    return {
      kind: this.#found.kind,
      hidden: known(sizeOf(states[value]!.from.of.shape)),
      input: inputs.length === 0 ? undefined : known(sizeOf(inputs[0]!.leaf.shape)),
      cell: this.#text(inputs, held, initial, value, written),
      inputs: new Map([
        ...[...inputs, ...held].map(({ leaf, name, batch }) => [this.#names.get(leaf)!, { name, batch }] as const),
        ...states.flatMap(({ before, from }, k) => (initial[k] === undefined ? [] : [[initial[k], layoutOf(before, from)] as const])),
      ]),
      lines: new Map([
        ...states.map(({ after, to }, k) => [`${this.#stateNames[k]}'`, layoutOf(after, to)] as const),
        ...this.#outputs.flatMap(({ name, tensor }, k) =>
          outputNames[k]!.endsWith("'") ? [] : [[written.roots.get(outputNames[k]!)!, layoutOf(name, tensor)] as const],
        ),
      ]),
      weights: () => this.#weights(written),
    };
  }

  /** A state before and after the step, of one shape. */
  #state(before: string, after: string): OwnState {
    const [from, to] = [this.#values.tensor(before), this.#values.tensor(after)];
    const shape = (tensor: Tensor): string => tensor.axes.map(({ size, isBatch }) => (isBatch && size > 1 ? 'B' : size)).join(', ');
    const [one, other] = [shape(from), shape(to)];
    if (one === other) return { before, after, from, to };
    const place = from.axes.findIndex(({ size }, k) => size !== to.axes[k]?.size);
    const message = `The state “${before}” of ${this.#step.options.place} is [${one}] before a step and [${other}] after it.`;
    throw from.axes.length === to.axes.length && place >= 0
      ? new SizeError(message, from.axes[place]!.size, to.axes[place]!.size)
      : new PartError(message);
  }

  /** What is scanned and read, with names; one where nothing of it is read. */
  #inputs(used: ReadonlySet<Leaf>): Input[] {
    const all = this.#step.body.scanned.flatMap((name): Input[] => {
      const tensor = this.#values.find(name);
      return tensor === undefined ? [] : [{ name, leaf: leafOf(tensor), batch: layoutOf(name, tensor).batch }];
    });
    const read = all.filter(({ leaf }) => used.has(leaf));
    const inputs = read.length > 0 ? read : all.slice(0, 1);
    const masks = new Set<Expression | undefined>(this.#expressions.map(maskOf));
    const features = inputs.filter(({ leaf }) => !masks.has(leaf));
    for (const { leaf } of inputs) if (masks.has(leaf)) this.#names.set(leaf, this.#free('mask'));
    features.forEach(({ name, leaf }, k) => {
      this.#names.set(leaf, this.#free(features.length === 1 ? 'x' : (wordOf(name) ?? `x${k + 1}`)));
    });
    // What is read comes before what says whether it counts.
    return inputs.sort((a, b) => Number(masks.has(a.leaf)) - Number(masks.has(b.leaf)));
  }

  /** The place of the state that is the cell's value: the one that the loop gives step by step. */
  #value(): number {
    const shown = this.#expressions.findIndex(({ after }) => this.#outputs.some(({ of }) => of === after));
    return this.#found.value ?? (shown >= 0 ? shown : this.#states.length - 1);
  }

  /** The cell's value comes last. */
  #roots(outputNames: readonly string[], value: number): Root[] {
    const order = [...this.#states.keys()].filter((k) => k !== value);
    return [
      ...this.#outputs.flatMap(({ of }, k) => (outputNames[k]!.endsWith("'") ? [] : [{ name: outputNames[k]!, of }])),
      ...[...order, value].map((k) => ({ name: `${this.#stateNames[k]}'`, of: this.#expressions[k]!.after })),
    ];
  }

  #text(
    inputs: readonly Input[],
    held: readonly Input[],
    initial: readonly (string | undefined)[],
    value: number,
    { lines, parameters }: Written,
  ): CellText {
    // h before c.
    const listed = [...new Set([...this.#found.states.keys(), ...this.#states.keys()])];
    const shapeIn = (of: Expression): readonly number[] => (of.shape.length === 0 ? [1] : of.shape);
    const named = ({ leaf }: Input): Named => ({ name: this.#names.get(leaf)!, shape: shapeIn(leaf) });
    const state = (k: number): Expression => this.#states[k]!.from.of;
    const read = inputs.map(({ leaf }) => sizeOf(leaf.shape)).join(' + ');
    return {
      doc: `${this.#step.options.title}: ${read === '' ? '' : `${read} numbers a step, `}${sizeOf(state(value).shape)} units.`,
      inputs: inputs.map(named),
      held: [
        ...held.map(named),
        ...listed.flatMap((k) => (initial[k] === undefined ? [] : [{ name: initial[k], shape: shapeIn(state(k)) }])),
      ],
      states: listed.map((k) => ({
        name: this.#stateNames[k]!,
        shape: shapeIn(state(k)),
        ...(initial[k] === undefined ? {} : { initial: initial[k] }),
      })),
      parameters,
      lines,
      value: this.#stateNames[value]!,
    };
  }

  #weights({ parameters, weights }: Written): Map<string, Numbers> {
    const numbers = new WeightNumbers((name) => this.#values.numbers(name));
    return new Map(
      parameters.map(({ name, shape }) => {
        const of = weights.get(name)!;
        return [name, { shape, data: of instanceof Float32Array ? of : Float32Array.from(numbers.of(of)) }];
      }),
    );
  }

  #free(name: string): string {
    let free = name;
    for (let k = 2; this.#taken.has(free); k += 1) free = `${name}${k}`;
    this.#taken.add(free);
    return free;
  }
}

function layoutOf(name: string, { axes }: Tensor): Layout {
  const place = axes.findIndex(({ isBatch, size }) => isBatch && size > 1);
  return { name, batch: place < 0 ? undefined : place };
}

/** Features lie as a state's: row-major in the order of its axes. */
function ordered(make: Expressions, tensor: Tensor, like: Tensor): Expression {
  const own = expressionOf(make, tensor);
  return own.shape.length !== like.of.shape.length && sizeOf(own.shape) === sizeOf(like.of.shape) ? make.reshaped(own, like.of.shape) : own;
}

function usedLeaves(roots: readonly Expression[]): Set<Leaf> {
  const found = new Set<Leaf>();
  const seen = new Set<Expression>();
  const open = [...roots];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    if (at.kind === 'leaf') found.add(at);
    else open.push(...operandsOf(at));
  }
  return found;
}

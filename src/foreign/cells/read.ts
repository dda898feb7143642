// A step as its file spells it out, read as a cell of the language.
//
// Sizes are needed for that. Where a run has not told them yet, unknown ones are given numbers that nothing else has, and what they meet
// (the matrix that a vector is multiplied with, a bias) tells what they are; then the step is read again.

import type { NodeProto, TensorProto } from '../../onnx/proto.ts';
import { Attributes } from '../attributes.ts';
import { numbersOfTensor } from '../file-numbers.ts';
import { type CellText, type Named, type Numbers, PartError, type PartKind, type StepBody } from '../part.ts';
import { type Expression, Expressions, type Leaf, operandsOf, sizeOf } from './expression.ts';
import { WeightNumbers } from './numbers.ts';
import { isOperatorName, valuesOf } from './operators.ts';
import { maskOf, recognised } from './recognise.ts';
import { elementwise, expressionOf, type Integers, SizeError, type Tensor, tensorOf, type Value } from './value.ts';
import { writeCell } from './write.ts';

/** What is known of a value that the step reads and does not make: of states before the step, of scanned and of held values. */
export interface Given {
  readonly type: 'float' | 'integer' | 'boolean';
  /** Sizes that are not known are absent; absent altogether where not even the rank is known. */
  readonly shape?: readonly (number | undefined)[];
  /** The same whatever the model is given: a weight. */
  readonly isConstant: boolean;
  /** Its numbers, where they are known: needed of whole numbers, and of weights once they are asked for. */
  data?(): ArrayLike<number | bigint> | undefined;
}

export interface ReadOptions {
  /** What the step is called in errors: `the body of Loop “x”`. */
  readonly place: string;
  /** For the doc comment. */
  readonly title: string;
  /** Of a state with an initial value other than zero. */
  hasInitial(before: string): boolean;
}

/** How the numbers of a value lie: which axis of its tensor is the batch. */
export interface Layout {
  /** The body's. */
  readonly name: string;
  readonly batch: number | undefined;
}

export interface ReadCell {
  readonly kind: PartKind;
  /** Numbers of the state that is the cell's value, and of the step's input; absent where only a run tells. */
  readonly hidden: number | undefined;
  readonly input: number | undefined;
  readonly cell: CellText;
  /** By the cell's names of its inputs, its held inputs and, as `h_0`, its initial states. */
  readonly inputs: ReadonlyMap<string, Layout>;
  /** By names of lines: states after the step and outputs, with the body's values that they are. */
  readonly lines: ReadonlyMap<string, Layout>;
  /** The numbers of the parameters. Throws PartError where one has none. */
  weights(): ReadonlyMap<string, Numbers>;
}

/** Throws PartError where the step does what the language has no way to write. */
export function readStep(body: StepBody, given: (name: string) => Given | undefined, options: ReadOptions): ReadCell {
  let refusal: PartError | undefined;
  for (const guess of guesses(body, given)) {
    const sizes = new Sizes();
    for (let attempt = 0; attempt < 24; attempt += 1) {
      const outcome = tried(body, given, options, sizes, guess);
      if (!(outcome instanceof PartError)) return outcome;
      if (outcome instanceof SizeError && sizes.learn(...outcome.sizes)) continue;
      refusal ??= outcome;
      break;
    }
  }
  throw refusal ?? new PartError(`The sizes of ${options.place} do not fit together.`);
}

/** What is taken for granted where the file says nothing. */
interface Guess {
  /** Of values of which not even that is known. */
  readonly rank: number;
  /** Sizes in front of [..., B, H] that are not known are 1. */
  readonly ones: boolean;
}

function guesses(body: StepBody, given: (name: string) => Given | undefined): readonly Guess[] {
  const shapes = [...body.states.map(({ before }) => before), ...body.scanned].map((name) => given(name)?.shape);
  const ranks = shapes.every((shape) => shape !== undefined) ? [2] : [2, 3, 1];
  const isOpen = shapes.some((shape) => shape !== undefined && shape.length > 2 && shape.includes(undefined));
  return ranks.flatMap((rank) => (isOpen ? [true, false] : [true]).map((ones) => ({ rank, ones })));
}

/** One reading with the sizes that are known by now, for each place where the batch may be. */
function tried(
  body: StepBody,
  given: (name: string) => Given | undefined,
  options: ReadOptions,
  sizes: Sizes,
  { rank, ones }: Guess,
): ReadCell | PartError {
  let refusal: PartError | undefined;
  const shapes = new Map<string, readonly number[]>();
  const varies = (name: string): boolean => body.scanned.includes(name) || body.states.some(({ before }) => before === name);
  const shapeOf = (name: string): readonly number[] => {
    const said = given(name)?.shape ?? Array.from({ length: rank }, () => undefined);
    let spare = ones && varies(name) ? said.filter((size) => size !== 1).length - 2 : 0;
    const likely = said.map((size) => (size === undefined && spare-- > 0 ? 1 : size));
    const known = shapes.get(name) ?? sizes.of(name, likely);
    shapes.set(name, known);
    return known;
  };
  const varying = [...new Set([...body.states.map(({ before }) => before), ...body.scanned])].filter(
    (name) => given(name)?.type !== 'integer',
  );
  const ranks = readsOthers(body, given) ? heldRanks : [0];
  const places = batchesOf(varying.map(shapeOf)).flatMap((batches) =>
    (hasMatrices(varying.map(shapeOf), batches) ? [false, true] : [false]).flatMap((matrices) =>
      ranks.map((heldRank) => ({ batches: new Map(varying.map((name, k) => [name, batches[k]])), heldRank, matrices })),
    ),
  );
  for (const place of places.slice(0, 80)) {
    try {
      return new Reading(body, given, options, sizes, shapeOf, place).cell();
    } catch (error) {
      if (!(error instanceof PartError)) throw error;
      // The first way to see it is the likeliest.
      if (refusal === undefined || refusal instanceof BatchError) refusal = error;
      if (error instanceof SizeError && sizes.isOpen(...error.sizes)) return error;
    }
  }
  return refusal!;
}

interface BatchPlace {
  /** Of states and of what is scanned. */
  readonly batches: ReadonlyMap<string, number | undefined>;
  /** What comes from outside, depends on the model's input and has this rank or more may be another for each sequence. */
  readonly heldRank: number;
  /** States and inputs of two dimensions are matrices; else they are written as one vector. */
  readonly matrices: boolean;
}

/** Whether the step reads what comes from outside and depends on the model's input. */
function readsOthers({ nodes, states, scanned }: StepBody, given: (name: string) => Given | undefined): boolean {
  const own = new Set([...states.map(({ before }) => before), ...scanned, ...nodes.flatMap(({ output }) => output)]);
  return nodes.some(({ input }) =>
    input.some((name) => !own.has(name) && given(name)?.isConstant === false && given(name)?.type !== 'integer'),
  );
}

const hasMatrices = (shapes: readonly (readonly number[])[], batches: readonly (number | undefined)[]): boolean =>
  shapes.some((shape, k) => shape.filter((size, axis) => size !== 1 && axis !== batches[k]).length === 2);

/** That a matrix has as many rows as the batch has sequences may be chance. */
const heldRanks = [2, 3, Number.POSITIVE_INFINITY];

/** The batch is not where it was taken to be. */
class BatchError extends PartError {}

/** Places of the batch axis, value by value, likely ones first: all first, all second, all last, none. */
function batchesOf(shapes: readonly (readonly number[])[]): (number | undefined)[][] {
  const choices: (number | undefined)[][] = [];
  const add = (choice: (number | undefined)[]): void => {
    if (!choices.some((each) => each.every((batch, k) => batch === choice[k]))) choices.push(choice);
  };
  const at = (shape: readonly number[], place: number): number | undefined =>
    shape.length < 2 ? undefined : Math.min(place, shape.length - 1);
  // [1, B, H] has its batch in the middle.
  const usual = (shape: readonly number[], batch?: number): number | undefined => {
    if (shape.length < 2) return undefined;
    const own = shape.findIndex((size, k) => k < shape.length - 1 && (batch === undefined ? size > 1 : size === batch));
    return own >= 0 ? own : batch === undefined ? shape.length - 2 : usual(shape);
  };
  for (const first of shapes.slice(0, 3)) {
    const place = usual(first);
    if (place !== undefined && first[place]! > 1) add(shapes.map((shape) => usual(shape, first[place])));
  }
  add(shapes.map((shape) => usual(shape)));
  add(shapes.map((shape) => at(shape, 0)));
  add(shapes.map((shape) => at(shape, 1)));
  add(shapes.map((shape) => at(shape, shape.length - 1)));
  const own = shapes.map((shape) => [usual(shape), ...shape.map((_, k) => k), undefined]);
  const kinds = [...new Set(shapes.map((shape) => shape.length))];
  if (shapes.length <= 6)
    for (let k = 0; k < 36 && kinds.length > 0; k += 1) {
      const [first, second] = [k % 6, Math.floor(k / 6)];
      add(own.map((places, j) => places[(shapes[j]!.length === kinds[0] ? first : second) % places.length]));
    }
  add(shapes.map(() => undefined));
  return choices;
}

/** Sizes that are not known yet, as numbers that nothing else has. */
class Sizes {
  readonly #known = new Map<string, number>();
  readonly #open = new Map<number, string>();
  readonly #said = new Set<number>();
  #next = 0;

  of(name: string, shape: readonly (number | undefined)[]): number[] {
    for (const size of shape) if (size !== undefined) this.#said.add(size);
    return shape.map((size, k) => {
      if (size !== undefined) return size;
      const key = `${name} ${k}`;
      const known = this.#known.get(key);
      if (known !== undefined) return known;
      const open = primes[this.#next++ % primes.length]!;
      this.#known.set(key, open);
      this.#open.set(open, key);
      return open;
    });
  }

  isKnown(size: number): boolean {
    return !this.#open.has(size);
  }

  isOpen = (a: number, b: number): boolean => this.#solved(a, b) !== undefined || this.#solved(b, a) !== undefined;

  /** Takes two sizes for equal. Whether that tells one that was not known. */
  learn(a: number, b: number): boolean {
    const found = this.#solved(a, b) ?? this.#solved(b, a);
    if (found === undefined) return false;
    this.#known.set(this.#open.get(found.open)!, found.size);
    this.#open.delete(found.open);
    return true;
  }

  /** `a` as a multiple of an open size, or one plus sizes that are known by now. */
  #solved(a: number, b: number): { readonly open: number; readonly size: number } | undefined {
    const known = [...this.#said, ...[...this.#known.values()].filter((size) => !this.#open.has(size))];
    for (const open of this.#open.keys()) {
      if (a === b) continue;
      for (let times = 1; times <= 8; times += 1) if (a === times * open && b % times === 0) return { open, size: b / times };
      for (const rest of known) if (a === open + rest && b > rest) return { open, size: b - rest };
    }
    return undefined;
  }

  /** Two open sizes together, of which something else has to tell one first. */
  isUndecided(a: number): boolean {
    const open = [...this.#open.keys()];
    return open.some((one) => open.some((other) => one < other && a === one + other));
  }
}

const primes = [1009, 1109, 1213, 1319, 1423, 1523, 1627, 1733, 1847, 1949, 2053, 2153, 2251, 2351, 2459, 2557, 2657, 2767, 2879, 2999];

class Reading {
  readonly #body: StepBody;
  readonly #given: (name: string) => Given | undefined;
  readonly #options: ReadOptions;
  readonly #sizes: Sizes;
  readonly #shapeOf: (name: string) => readonly number[];
  readonly #batches: BatchPlace['batches'];
  readonly #heldRank: number;
  readonly #matrices: boolean;
  readonly #make = new Expressions();
  readonly #values = new Map<string, Value | PartError>();
  readonly #words = new Map<Expression, string>();
  /** Values of the step that are tensors written into its nodes. */
  readonly #written = new Map<string, TensorProto>();
  readonly #held: { readonly leaf: Leaf; readonly name: string; readonly batch: number | undefined }[] = [];
  readonly #batchSize: number | undefined;

  constructor(
    body: StepBody,
    given: (name: string) => Given | undefined,
    options: ReadOptions,
    sizes: Sizes,
    shapeOf: (name: string) => readonly number[],
    { batches, heldRank, matrices }: BatchPlace,
  ) {
    this.#matrices = matrices;
    this.#heldRank = heldRank;
    this.#body = body;
    this.#given = given;
    this.#options = options;
    this.#sizes = sizes;
    this.#shapeOf = shapeOf;
    this.#batches = batches;
    this.#make.isUndecided = (size) => sizes.isUndecided(size);
    const found = [...batches].flatMap(([name, axis]) => (axis === undefined ? [] : [shapeOf(name)[axis]!]));
    this.#batchSize = found.length === 0 ? undefined : Math.max(...found.map((size) => (size === 1 ? 1 : size)));
    const odd = found.find((size) => size !== 1 && size !== this.#batchSize && sizes.isKnown(size) && sizes.isKnown(this.#batchSize!));
    if (odd !== undefined) throw new BatchError(`The batch of ${options.place} has ${odd} and ${this.#batchSize} sequences.`);
  }

  cell(): ReadCell {
    const { states, scanned, outputs } = this.#body;
    for (const { before } of states) this.#values.set(before, this.#leaf('state', before));
    for (const name of scanned) if (this.#given(name)?.type !== 'integer') this.#values.set(name, this.#leaf('scanned', name));
    for (const node of this.#body.nodes) this.#node(node);

    const own = states.map(({ before, after }) => {
      const [from, to] = [this.#tensor(before), this.#tensor(after)];
      const shape = (tensor: Tensor): string => tensor.axes.map(({ size, isBatch }) => (isBatch && size > 1 ? 'B' : size)).join(', ');
      const [one, other] = [shape(from), shape(to)];
      if (one !== other) {
        const place = from.axes.findIndex(({ size }, k) => size !== to.axes[k]?.size);
        const message = `The state “${before}” of ${this.#options.place} is [${one}] before a step and [${other}] after it.`;
        throw from.axes.length === to.axes.length && place >= 0
          ? new SizeError(message, from.axes[place]!.size, to.axes[place]!.size)
          : new PartError(message);
      }
      return { before, after, from, to };
    });
    const expressions = own.map(({ from, to }) => ({ before: from.of, after: ordered(this.#make, to, from) }));
    const found = recognised(expressions);
    const taken = new Set<string>();
    const free = (name: string): string => {
      let result = name;
      for (let k = 2; taken.has(result); k += 1) result = `${name}${k}`;
      taken.add(result);
      return result;
    };
    for (const name of found.states.values()) taken.add(name);
    const stateNames = own.map(({ before }, k) => found.states.get(k) ?? free(wordOf(before) ?? (own.length === 1 ? 'h' : `s${k + 1}`)));
    const used = usedLeaves(expressions.map(({ after }) => after));
    const names = new Map<Leaf, string>();
    own.forEach(({ from }, k) => {
      names.set(from.of as Leaf, stateNames[k]!);
    });
    const readable = outputs.flatMap((name): { name: string; tensor: Tensor; of: Expression }[] => {
      const value = this.#values.get(name);
      if (value === undefined || value instanceof PartError || value.kind !== 'tensor') return [];
      const of = expressionOf(this.#make, value);
      return of.kind === 'constant' || of.isWeight ? [] : [{ name, tensor: value, of }];
    });
    for (const leaf of usedLeaves(readable.map(({ of }) => of))) used.add(leaf);

    const inputs = scanned.flatMap((name) => {
      const value = this.#values.get(name);
      return value !== undefined && !(value instanceof PartError) && value.kind === 'tensor'
        ? [{ name, tensor: value, leaf: leafOf(value) }]
        : [];
    });
    const read = inputs.filter(({ leaf }) => used.has(leaf));
    const shown = read.length > 0 ? read : inputs.slice(0, 1);
    const masks = new Set(expressions.map(maskOf));
    const features = shown.filter(({ leaf }) => !masks.has(leaf));
    for (const { leaf } of shown) if (masks.has(leaf)) names.set(leaf, free('mask'));
    features.forEach(({ name, leaf }, k) => {
      names.set(leaf, free(features.length === 1 ? 'x' : (wordOf(name) ?? `x${k + 1}`)));
    });
    // What is read comes before what says whether it counts.
    shown.sort((a, b) => Number(masks.has(a.leaf)) - Number(masks.has(b.leaf)));
    const held = this.#held.filter(({ leaf }) => used.has(leaf));
    held.forEach(({ leaf, name }, k) => {
      names.set(leaf, free(wordOf(name) ?? `m${held.length === 1 ? '' : k + 1}`));
    });

    const outputNames = readable.map(({ name, of }, k) => {
      const state = expressions.findIndex(({ after }) => after === of);
      return state >= 0 ? `${stateNames[state]}'` : free(wordOf(name) ?? (readable.length === 1 ? 'y' : `y${k + 1}`));
    });
    // The cell's value comes last.
    const shownState = expressions.findIndex(({ after }) => readable.some(({ of }) => of === after));
    const value = found.value ?? (shownState >= 0 ? shownState : own.length - 1);
    const order = [...own.keys()].filter((k) => k !== value);
    order.push(value);
    const roots = [
      ...readable.flatMap(({ of }, k) => (outputNames[k]!.endsWith("'") ? [] : [{ name: outputNames[k]!, of }])),
      ...order.map((k) => ({ name: `${stateNames[k]}'`, of: expressions[k]!.after })),
    ];
    const written = writeCell(found, roots, names, this.#words);

    const initial = own.map(({ before }, k) => (this.#options.hasInitial(before) ? free(`${stateNames[k]}_0`) : undefined));
    // h before c.
    const listed = [...new Set([...found.states.keys(), ...own.keys()])];
    const shapeIn = (of: Expression): readonly number[] => (of.shape.length === 0 ? [1] : of.shape);
    const cell: CellText = {
      doc: this.#doc(shown, own[value]!.from),
      inputs: shown.map(({ leaf }) => ({ name: names.get(leaf)!, shape: shapeIn(leaf) })),
      held: [
        ...held.map(({ leaf }): Named => ({ name: names.get(leaf)!, shape: shapeIn(leaf) })),
        ...listed.flatMap((k) => (initial[k] === undefined ? [] : [{ name: initial[k], shape: shapeIn(own[k]!.from.of) }])),
      ],
      states: listed.map((k) => ({
        name: stateNames[k]!,
        shape: shapeIn(own[k]!.from.of),
        ...(initial[k] === undefined ? {} : { initial: initial[k] }),
      })),
      parameters: written.parameters,
      lines: written.lines,
      value: stateNames[value]!,
    };
    const layout = (name: string, tensor: Tensor): Layout => ({ name, batch: batchOf(tensor) });
    const known = (size: number): number | undefined => (this.#sizes.isKnown(size) ? size : undefined);
    return {
      kind: found.kind,
      hidden: known(sizeOf(own[value]!.from.of.shape)),
      input: shown.length === 0 ? undefined : known(sizeOf(shown[0]!.leaf.shape)),
      cell,
      inputs: new Map([
        ...shown.map(({ name, tensor, leaf }) => [names.get(leaf)!, layout(name, tensor)] as const),
        ...held.map(({ leaf, name, batch }) => [names.get(leaf)!, { name, batch }] as const),
        ...own.flatMap(({ before, from }, k) => (initial[k] === undefined ? [] : [[initial[k], layout(before, from)] as const])),
      ]),
      lines: new Map([
        ...own.map(({ after, to }, k) => [`${stateNames[k]}'`, layout(after, to)] as const),
        ...readable.flatMap(({ name, tensor }, k) =>
          outputNames[k]!.endsWith("'") ? [] : [[written.roots.get(outputNames[k]!)!, layout(name, tensor)] as const],
        ),
      ]),
      weights: () => this.#weights(written.parameters, written.weights),
    };
  }

  #doc(inputs: readonly { readonly leaf: Leaf }[], value: Tensor): string {
    const read = inputs.map(({ leaf }) => sizeOf(leaf.shape)).join(' + ');
    return `${this.#options.title}: ${read === '' ? '' : `${read} numbers a step, `}${sizeOf(value.of.shape)} units.`;
  }

  #weights(parameters: readonly Named[], weights: ReadonlyMap<string, Expression | Float32Array>): Map<string, Numbers> {
    const numbers = new WeightNumbers((name) => {
      const data = this.#given(name)?.data?.();
      const written = this.#written.get(name);
      if (data !== undefined) return typeof data[0] === 'bigint' ? Array.from(data, Number) : (data as ArrayLike<number>);
      if (written !== undefined) return numbersOfTensor(written)!;
      throw new PartError(`The numbers of “${name}” in ${this.#options.place} are not known.`);
    });
    return new Map(
      parameters.map(({ name, shape }) => {
        const of = weights.get(name)!;
        return [name, { shape, data: of instanceof Float32Array ? of : Float32Array.from(numbers.of(of)) }];
      }),
    );
  }

  #node(node: NodeProto): void {
    try {
      if (node.op_type === 'If') {
        this.#branch(node);
        return;
      }
      const values = valuesOf({
        make: this.#make,
        node,
        attributes: new Attributes(node),
        isBatch: (size) => this.#batchSize !== undefined && size === this.#batchSize,
        input: (k) => this.#input(node.input[k] ?? ''),
        constant: (tensor) => this.#constant(tensor, node.output[0]!),
      });
      node.output.forEach((name, k) => {
        const value = values[k];
        if (name === '' || value === undefined) return;
        this.#values.set(name, value);
        const word = wordOf(name);
        if (value.kind === 'tensor' && word !== undefined && !this.#words.has(value.of)) this.#words.set(value.of, word);
      });
    } catch (error) {
      const said = this.#said(
        node,
        error instanceof PartError ? error : new PartError('Its inputs are not of the dimensions that it needs.'),
      );
      for (const name of node.output) this.#values.set(name, said);
    }
  }

  /** A branch that is chosen before the step, by shapes, is part of the step; of one that is chosen in it, both are. */
  #branch(node: NodeProto): void {
    const condition = this.#input(node.input[0] ?? '');
    const outputs = (wanted: string): Value[] => {
      const graph = node.attribute.find(({ name }) => name === wanted)?.g;
      if (graph === undefined) throw new PartError('It lacks a branch.');
      for (const tensor of graph.initializer) this.#values.set(tensor.name!, this.#constant(tensor, tensor.name!));
      for (const each of graph.node) this.#node(each);
      return graph.output.map(({ name }) => this.#input(name)!);
    };
    if (condition?.kind === 'integers') {
      const values = outputs(condition.data[0] === 0 ? 'else_branch' : 'then_branch');
      node.output.forEach((name, k) => {
        this.#values.set(name, values[k]!);
      });
      return;
    }
    const [above, below] = [outputs('then_branch'), outputs('else_branch')];
    node.output.forEach((name, k) => {
      const [one, other] = [above[k]!, below[k]!];
      const isChosen = condition?.kind === 'tensor' && condition.axes.every(({ size }) => size === 1);
      if (!isChosen || one.kind !== 'tensor' || other.kind !== 'tensor')
        throw new PartError('Its branch is chosen in the step, which the equations have no way to write.');
      const choice = { ...condition, axes: [] };
      this.#values.set(
        name,
        elementwise(this.#make, [choice, one, other], (operands) => this.#make.elementwise('where', operands)),
      );
    });
  }

  /** What goes wrong in a node that reads what went wrong before is that. */
  #said(node: NodeProto, error: PartError): PartError {
    const inner = node.input.map((name) => this.#values.get(name)).find((value) => value instanceof PartError);
    if (inner instanceof PartError) return inner;
    const text = `${node.op_type} “${node.name || node.output[0] || '?'}” in ${this.#options.place}: ${error.message}`;
    return error instanceof SizeError ? new SizeError(text, ...error.sizes) : new PartError(text);
  }

  #input(name: string): Value | undefined {
    if (name === '') return undefined;
    const value = this.#values.get(name) ?? this.#outside(name);
    if (value instanceof PartError) throw value;
    if (value === undefined) throw new PartError(`Nothing gives “${name}”.`);
    return value;
  }

  #tensor(name: string): Tensor {
    const value = this.#input(name);
    if (value?.kind !== 'tensor') throw new PartError(`The state “${name}” of ${this.#options.place} is a whole number.`);
    return value;
  }

  /** What the step reads from around it. */
  #outside(name: string): Value | undefined {
    const given = this.#given(name);
    if (given === undefined) return undefined;
    const value = this.#read(name, given);
    this.#values.set(name, value);
    if (value instanceof PartError) throw value;
    return value;
  }

  #read(name: string, given: Given): Value | PartError {
    if (given.type === 'integer') {
      const data = given.data?.();
      if (data === undefined) return new PartError(`“${name}” is not known before the step.`);
      return { kind: 'integers', shape: (given.shape ?? [data.length]) as number[], data: Array.from(data, Number) };
    }
    const shape = this.#shapeOf(name);
    if (given.isConstant) {
      const single = singleNumber(shape, given);
      if (single !== undefined) return { ...tensorOf(this.#make.constant(single), shape, undefined) };
      return tensorOf(
        this.#make.leaf(
          'weight',
          name,
          shape.filter((size) => size !== 1),
        ),
        shape,
        undefined,
      );
    }
    // What depends on the model's input may be another for each sequence.
    const isOpen = shape.length > 2 && !this.#sizes.isKnown(shape[0]!) && this.#batchSize !== undefined;
    const batch = isOpen
      ? 0
      : shape.findIndex((size, k) => k < shape.length - 1 && this.#batchSize !== undefined && size === this.#batchSize);
    const isOwn = batch >= 0 && shape.length >= this.#heldRank && (this.#batchSize! > 1 || shape.length > 2);
    if (!isOwn)
      return tensorOf(
        this.#make.leaf(
          'weight',
          name,
          shape.filter((size) => size !== 1),
        ),
        shape,
        undefined,
      );
    const tensor = this.#leaf('held', name, batch);
    this.#held.push({ leaf: leafOf(tensor), name, batch });
    return tensor;
  }

  #leaf(role: 'state' | 'scanned' | 'held', name: string, at?: number): Tensor {
    const shape = this.#shapeOf(name);
    const batch = role === 'held' ? at : this.#batches.get(name);
    const own = shape.filter((size, k) => size !== 1 && k !== batch);
    // Several features are one vector; of what is held, a matrix stays one.
    const isKept = role === 'held' || own.length <= 1 || (this.#matrices && own.length === 2);
    const leaf = this.#make.leaf(role, name, isKept ? own : [sizeOf(own)]);
    const tensor = tensorOf(leaf, shape, batch);
    return this.#given(name)?.type === 'boolean'
      ? { ...tensor, of: this.#make.elementwise('less', [this.#make.constant(0), leaf]) }
      : tensor;
  }

  #constant(tensor: TensorProto, name: string): Value {
    const shape = tensor.dims;
    if (tensor.data_type === 7 || tensor.data_type === 6 || tensor.data_type === 9) {
      const data = numbersOfTensor(tensor);
      if (data === undefined) throw new PartError('Its numbers are not in the model’s file.');
      return { kind: 'integers', shape, data: Array.from(data, Number) } satisfies Integers;
    }
    this.#written.set(name, tensor);
    const single = singleNumber(shape, { data: () => numbersOfTensor(tensor) });
    if (single !== undefined) return tensorOf(this.#make.constant(single), shape, undefined);
    return tensorOf(
      this.#make.leaf(
        'weight',
        name,
        shape.filter((size) => size !== 1),
      ),
      shape,
      undefined,
    );
  }
}

const leafOf = ({ of }: Tensor): Leaf => (of.kind === 'elementwise' ? of.operands[1]! : of) as Leaf;

const batchOf = ({ axes }: Tensor): number | undefined => {
  const place = axes.findIndex(({ isBatch, size }) => isBatch && size > 1);
  return place < 0 ? undefined : place;
};

/** Features lie as a state's: row-major in the order of its axes. */
function ordered(make: Expressions, tensor: Tensor, like: Tensor): Expression {
  const own = expressionOf(make, tensor);
  return own.shape.length !== like.of.shape.length && sizeOf(own.shape) === sizeOf(like.of.shape) ? make.reshaped(own, like.of.shape) : own;
}

/** A number that stands for itself in an equation: rank 0, or a short decimal. */
function singleNumber(shape: readonly number[], given: Pick<Given, 'data'>): number | undefined {
  if (sizeOf(shape) !== 1) return undefined;
  const data = given.data?.();
  if (data === undefined || data.length !== 1) return undefined;
  const value = Number(data[0]);
  return shape.length === 0 || Math.fround(Number(value.toPrecision(3))) === Math.fround(value) ? value : undefined;
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

/** What a file calls a value, where that is a word and says more than the operator's name. */
function wordOf(name: string): string | undefined {
  const own = name
    .split(/[./:]+/)
    .at(-1)!
    .replace(/_output_\d+$|(?:_\d+)+$/, '');
  const word = /^[A-Za-z][A-Za-z_]{0,13}[0-9]?$/.exec(own)?.[0];
  const plain = word?.replace(/_?\d$/, '').toLowerCase();
  if (plain === undefined || plainWords.has(plain) || isOperatorName(plain)) return undefined;
  return word;
}

/** Operators' and frameworks' own names, which say nothing; and what the language has other uses for. */
const plainWords = new Set(
  (
    'equal output input out in value tensor var temp tmp body state cell param size model data train generate of one from over on use number t token loss ' +
    'true false and or not linear layer_norm repeat reverse last first next previous x range onnx minimum maximum norm variance entropy argmax any all embed'
  ).split(' '),
);

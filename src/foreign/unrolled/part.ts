// An unrolled recurrence as a recurrent part: its step is read as a cell, and a run is asked for the step's values under the names that they have in
// each repetition.

import { elementTypes, type NodeProto } from '../../onnx/proto.ts';
import type { Tensor, TensorData } from '../../runtime/runtime.ts';
import { type Given, type ReadCell, readStep } from '../cells/read.ts';
import { spelledGradient } from '../cells/spelled-gradient.ts';
import { expectedOf, featuresOf, stepsOf } from '../loops/values.ts';
import { attentionOf, type BoundPart, type BoundRun, type Expected, PartError, type Port, type RecurrentPart } from '../part.ts';
import { portTypes } from '../port-types.ts';
import type { Scope } from '../scopes.ts';
import { isFloating, type Statics } from '../statics.ts';
import { withoutChoices } from './choices.ts';
import type { UnrolledRecurrence } from './recurrence.ts';

export class UnrolledReader {
  /** The module that the weights are said to belong to; else the node that makes the first state. */
  readonly title: string;
  readonly #recurrence: UnrolledRecurrence;
  readonly #isRecurrent: boolean;
  readonly #scope: Scope;
  readonly #statics: Statics;
  readonly #module: string;
  readonly #place: string;
  readonly #roles = new Map<string, 'state' | 'scanned' | 'held'>();

  constructor(recurrence: UnrolledRecurrence, scope: Scope, statics: Statics) {
    const plain = withoutChoices(recurrence);
    this.#isRecurrent = plain !== undefined;
    this.#recurrence = plain ?? recurrence;
    this.#scope = scope;
    this.#statics = statics;
    const { body, steps, axis } = this.#recurrence;
    const module = moduleOf(body.held) ?? body.nodes.find(({ output }) => output.includes(body.states[0]!.after))?.name ?? '';
    this.#module = module;
    this.title = axis === 'depth' ? `${module} (repeated in depth)` : module;
    this.#place = `the step that “${module || body.states[0]!.after}” repeats ${steps} times`;
    for (const { before } of body.states) this.#roles.set(before, 'state');
    for (const name of body.scanned) this.#roles.set(name, 'scanned');
    for (const name of body.held) this.#roles.set(name, 'held');
  }

  /** Throws PartError of a step that cannot be written as equations. `nameIt`: a name of the language for a title, or for one that says nothing. */
  part(nameIt: (title: string, otherwise: string) => string): RecurrentPart {
    const { axis } = this.#recurrence;
    if (!this.#isRecurrent) throw new PartError(`In ${this.#place}, nothing but choices is carried from step to step.`);
    const ports = this.#ports();
    const read = this.#read((name) => this.#given(name));
    return {
      name: nameIt(this.#module === 'cell' ? '' : this.#module, axis === 'depth' ? 'depth' : read.kind === 'cell' ? 'step' : read.kind),
      title: this.title,
      kind: read.kind,
      form: 'unrolled',
      scope: this.#scope,
      directions: [this.#recurrence.direction],
      ...(read.hidden === undefined ? {} : { hidden: read.hidden }),
      ...(read.input === undefined ? {} : { input: read.input }),
      ...(this.#recurrence.body.nodes.some((node) => this.#isHalf(node)) ? { halves: true } : {}),
      nodes: this.#recurrence.body.nodes,
      values: read.cell.lines.map((line) => line.name),
      ...attentionOf(read.cell),
      covered: new Set(this.#recurrence.nodes.flatMap((step) => step.flatMap((node) => node?.output ?? []))),
      ports,
      bind: (values) => this.#bind(values),
    };
  }

  #read(given: (name: string) => Given | undefined): ReadCell {
    const { body, steps, axis } = this.#recurrence;
    return readStep(body, given, {
      place: this.#place,
      title: `${this.title || 'A step'}, ${steps} ${axis === 'depth' ? 'layers that share their weights' : 'steps, unrolled in the file'}`,
      hasInitial: (before) => {
        const initial = this.#at(before, 0);
        return initial !== undefined && !this.#statics.isZero(this.#scope, initial);
      },
    });
  }

  /** What the graph calls a value of the body in a step. */
  #at(name: string, step: number): string | undefined {
    return this.#recurrence.names.get(name)?.[step];
  }

  /** What it is called in some step, an early one, so that little has to be looked at to know what it is. */
  #sample(name: string): string | undefined {
    return this.#at(name, 1) ?? this.#at(name, 0);
  }

  /** Each state, input and output in each step, and what is held and not in the file. */
  #ports(): Port[] {
    const { body, names } = this.#recurrence;
    const ports = new Map<string, Port>();
    const add = (name: string, all: readonly (string | undefined)[]): void => {
      const type = this.#statics.type(this.#scope, this.#sample(name) ?? '') ?? elementTypes.float32;
      const known = type === 'sequence' ? undefined : portTypes[type];
      if (known === undefined) throw new PartError(`In ${this.#place}, “${name}” has numbers of a type that is not replayed.`);
      for (const each of all) if (each !== undefined && each !== '') ports.set(each, { name: each, type: known });
    };
    for (const { before, after } of body.states) {
      add(after, names.get(after)!);
      const initial = this.#at(before, 0);
      if (initial !== undefined) add(before, [initial]);
    }
    for (const name of [...body.scanned, ...body.outputs]) add(name, names.get(name)!);
    for (const name of body.held) if (this.#statics.data(this.#scope, name) === undefined) add(name, [name]);
    return [...ports.values()];
  }

  #isHalf({ output }: NodeProto): boolean {
    return output.some((name) => this.#statics.type(this.#scope, this.#sample(name) ?? '') === elementTypes.float16);
  }

  /** What the file says of a value that the step reads. */
  #given(name: string): Given | undefined {
    const role = this.#roles.get(name);
    const own = this.#sample(name);
    if (role === undefined || own === undefined) return undefined;
    const type = this.#statics.type(this.#scope, own) ?? elementTypes.float32;
    const shape = this.#statics.shape(this.#scope, own);
    return {
      type: type === elementTypes.bool ? 'boolean' : isFloating(type) ? 'float' : 'integer',
      ...(shape === undefined ? {} : { shape }),
      isConstant: role === 'held' && this.#statics.isConstant(this.#scope, own),
      data: () => (role === 'held' ? this.#statics.data(this.#scope, own) : undefined),
    };
  }

  #bind(values: ReadonlyMap<string, Tensor>): BoundPart {
    const { steps, direction, body } = this.#recurrence;
    const at = (name: string, step: number): Tensor | undefined => values.get(this.#at(name, step) ?? '');
    const any = (name: string): Tensor | undefined => {
      for (let step = 0; step < steps; step += 1) {
        const tensor = at(name, step);
        if (tensor !== undefined) return tensor;
      }
      return undefined;
    };
    const after = new Map(body.states.map((state) => [state.before, state.after]));
    const read = this.#read((name) => {
      const own = this.#given(name);
      const tensor = at(name, 0) ?? any(after.get(name) ?? name);
      if (own === undefined || tensor === undefined) return own;
      const isHeld = this.#roles.get(name) === 'held';
      return { ...own, shape: tensor.dims, ...(isHeld ? { data: () => tensor.data as ArrayLike<number | bigint> } : {}) };
    });
    const stacked = (name: string): Tensor | undefined => stack(Array.from({ length: steps }, (_, step) => at(name, step)));
    const bound = boundUnrolled(read, steps, direction, {
      isScanned: (name) => this.#roles.get(name) === 'scanned',
      first: (name) => at(name, 0),
      last: (name) => at(name, steps - 1),
      stacked,
    });
    const { nodes } = this.#recurrence;
    const gradient = spelledGradient(read, body, {
      steps,
      valueAt: (output, step) => this.#at(output, step),
      nodesOf: (place) => nodes.flatMap((step) => step[place] ?? []),
      numbers: (tensor, { batch }, item) => stepsOf(tensor, batch, item, direction === 'reverse'),
      sizeOf: ({ name, batch }) => {
        const tensor = any(name);
        return tensor === undefined ? undefined : (steps * tensor.data.length) / (batch === undefined ? 1 : tensor.dims[batch]!);
      },
    });
    return { ...bound, gradient };
  }
}

interface Values {
  isScanned(name: string): boolean;
  first(name: string): Tensor | undefined;
  last(name: string): Tensor | undefined;
  /** All steps in one, where there are all. */
  stacked(name: string): Tensor | undefined;
}

/** A read cell with the numbers of a run. */
function boundUnrolled(read: ReadCell, steps: number, direction: BoundRun['direction'], values: Values): BoundPart {
  const isReverse = direction === 'reverse';
  const inputs = [...read.inputs].map(([name, layout]) => {
    const isScanned = values.isScanned(layout.name);
    const tensor = isScanned ? values.stacked(layout.name) : values.first(layout.name);
    if (tensor === undefined) throw new PartError(`“${layout.name}” was not computed in all steps, or has other sizes in some.`);
    return { name, batch: layout.batch, isScanned, tensor };
  });
  const lines = new Map([...read.lines].map(([line, { name }]) => [name, { line, tensor: values.stacked(name) }]));
  const sizes = inputs.flatMap(({ batch, isScanned, tensor }) => (batch === undefined ? [] : [tensor.dims[batch + (isScanned ? 1 : 0)]!]));
  for (const { name, batch } of read.lines.values()) {
    const tensor = lines.get(name)?.tensor;
    if (batch !== undefined && tensor !== undefined) sizes.push(tensor.dims[batch + 1]!);
  }
  // The step's number, where a cell reads nothing.
  const isAlone = read.cell.inputs.length === 0;
  const cell = isAlone ? { ...read.cell, inputs: [{ name: 'step', shape: [1] }] } : read.cell;
  const run: BoundRun = {
    direction,
    cell,
    weights: read.weights(),
    sequence(item) {
      const given: Record<string, Float32Array> = isAlone ? { step: Float32Array.from({ length: steps }, (_, t) => t) } : {};
      for (const { name, batch, isScanned, tensor } of inputs)
        given[name] = isScanned ? stepsOf(tensor, batch, item, isReverse) : featuresOf(tensor, batch, item);
      const expected: Expected[] = expectedOf(read.lines, (name) => lines.get(name)?.tensor, item, isReverse);
      for (const [line, { name, batch }] of read.lines) {
        const last = lines.get(name)?.tensor === undefined ? values.last(name) : undefined;
        if (last !== undefined) expected.push({ line, data: featuresOf(last, batch, item), lastOnly: true });
      }
      return { inputs: given, expected };
    },
  };
  return { lengths: Array.from({ length: Math.max(1, ...sizes) }, () => steps), runs: [run] };
}

/** Tensors of one size, one behind the other along a new first axis. */
function stack(tensors: readonly (Tensor | undefined)[]): Tensor | undefined {
  const [first] = tensors;
  if (first === undefined || tensors.some((each) => each?.data.length !== first.data.length)) return undefined;
  const data = new Float32Array(first.data.length * tensors.length);
  tensors.forEach((each, step) => {
    data.set(numbers(each!.data), step * first.data.length);
  });
  return { type: 'float32', dims: [tensors.length, ...first.dims], data };
}

const numbers = (data: TensorData): ArrayLike<number> =>
  data instanceof BigInt64Array || data instanceof BigUint64Array ? Array.from(data, Number) : (data as ArrayLike<number>);

/** `encoder.cell` of `encoder.cell.weight_hh`: where most of the weights are said to stand. */
function moduleOf(names: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const name of names) {
    const end = name.lastIndexOf('.');
    if (end > 0 && /^[\w.]+$/.test(name)) counts.set(name.slice(0, end), (counts.get(name.slice(0, end)) ?? 0) + 1);
  }
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  return best?.[0];
}

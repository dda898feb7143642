// Scan and Loop nodes as recurrent parts: what the body hands from step to step is the state, what it reads anew at each step its input.
//
// A run is asked for the values of the body itself, step by step: so it does not matter in which way a body finds its step's input (scanned, gathered
// by the number of the iteration, taken from a list, looked up in a table), and each step's states are known to measure the replay against.

import type { NodeProto } from '../../onnx/proto.ts';
import { elementTypes } from '../../onnx/proto.ts';
import type { Tensor } from '../../runtime/runtime.ts';
import { type Given, type ReadCell, readStep } from '../cells/read.ts';
import { attentionOf, type BoundPart, keyOf, PartError, type Port, type RecurrentPart } from '../part.ts';
import { portTypes } from '../port-types.ts';
import type { Scope } from '../scopes.ts';
import { isFloating, type Statics } from '../statics.ts';
import { boundLoop } from './bind.ts';
import { type LoopBody, loopBody, readBy } from './body.ts';

export const isLoop = ({ op_type, domain }: NodeProto): boolean =>
  (domain === undefined || domain === '' || domain === 'ai.onnx') && (op_type === 'Scan' || op_type === 'Loop');

/** undefined of a loop that is no recurrence: that counts, searches or collects. Throws PartError of one that cannot be written as equations. */
export function loopPart(node: NodeProto, scope: Scope, statics: Statics, nameIt: () => string): RecurrentPart | undefined {
  return sayingWhere(node, () => {
    const body = loopBody(node, scope, statics);
    return body === undefined ? undefined : new LoopReader(node, scope, body, statics).part(nameIt);
  });
}

/** What is no fault of the file's equations but of its build is a reason to leave the loop out, too. */
function sayingWhere<Result>(node: NodeProto, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TypeError) && !(error instanceof RangeError)) throw error;
    throw new PartError(
      `${node.op_type} “${node.name || node.output[0] || '?'}” is not built as ONNX wants it, or holds what is not known here.`,
      {
        cause: error,
      },
    );
  }
}

class LoopReader {
  readonly #node: NodeProto;
  readonly #scope: Scope;
  readonly #body: LoopBody;
  readonly #statics: Statics;
  readonly #title: string;

  constructor(node: NodeProto, scope: Scope, body: LoopBody, statics: Statics) {
    this.#node = node;
    this.#scope = scope;
    this.#body = body;
    this.#statics = statics;
    this.#title = `${node.op_type} “${node.name || node.output.find((each) => each !== '') || '?'}”`;
  }

  part(nameIt: () => string): RecurrentPart {
    const ports = this.#ports();
    const read = this.#read((name) => this.#given(name));
    return {
      name: nameIt(),
      title: this.#node.name ?? '',
      kind: read.kind,
      form: this.#node.op_type === 'Scan' ? 'scan' : 'loop',
      scope: this.#scope,
      directions: [this.#body.direction],
      ...(read.hidden === undefined ? {} : { hidden: read.hidden }),
      ...(read.input === undefined ? {} : { input: read.input }),
      ...this.#layout(read),
      ...(this.#body.step.nodes.some((node) => this.#isHalf(node)) ? { halves: true } : {}),
      nodes: [this.#node],
      values: read.cell.lines.map((line) => line.name),
      ...attentionOf(read.cell),
      ports,
      bind: (values) => sayingWhere(this.#node, () => this.#bind(values)),
    };
  }

  /** Of what a Scan scans: its own axis is time, the batch lies as in the body. */
  #layout({ inputs }: ReadCell): Pick<RecurrentPart, 'layout'> {
    for (const { name, batch } of inputs.values()) {
      const scanned = this.#body.scanned.get(name);
      if (scanned === undefined || batch === undefined || this.#body.isBatched || scanned.axis < 0) continue;
      return { layout: { value: scanned.name, steps: scanned.axis, sequences: batch + (batch >= scanned.axis ? 1 : 0) } };
    }
    return {};
  }

  #read(given: (name: string) => Given | undefined): ReadCell {
    return readStep(this.#body.step, given, {
      place: `the body of ${this.#title}`,
      title: this.#title,
      hasInitial: (before) => !this.#statics.isZero(this.#scope, this.#body.initial.get(before)!),
    });
  }

  /** What is asked of a run: outside values that the body reads, the step's inputs, the states and outputs. */
  #ports(): Port[] {
    const { step, scope: within, initial, constant } = this.#body;
    const ports = new Map<string, Port>();
    const add = (name: string, inside: boolean): void => {
      const type = this.#statics.type(inside ? within : this.#scope, name) ?? elementTypes.float32;
      if (type === 'sequence') return;
      const known = portTypes[type];
      if (known === undefined) throw new PartError(`${this.#title}: “${name}” has numbers of a type that is not replayed.`);
      const port: Port = { name, type: known, ...(inside ? { within } : {}) };
      ports.set(keyOf(port), port);
    };
    for (const { before, after } of step.states) {
      if (!this.#statics.isZero(this.#scope, initial.get(before)!)) add(initial.get(before)!, false);
      add(after, true);
    }
    for (const name of [...step.scanned, ...step.outputs]) add(name, true);
    if (this.#body.isBatched && this.#node.input[0]) add(this.#node.input[0], false);
    for (const node of step.nodes)
      for (const name of readBy(node)) {
        const outside = constant.get(name) ?? name;
        const definition = this.#statics.definition(constant.has(name) ? this.#scope : within, outside);
        if (definition === undefined || definition.scope.graph === within.graph) continue;
        if (this.#statics.data(this.#scope, outside) === undefined) add(outside, false);
      }
    return [...ports.values()];
  }

  /** What the file says of a value that the step reads. */
  #given(name: string): Given | undefined {
    const { scope: within, step, initial, constant } = this.#body;
    const state = initial.get(name);
    const outside = constant.get(name);
    const [scope, own] = outside === undefined ? [within, name] : [this.#scope, outside];
    const definition = this.#statics.definition(scope, own);
    if (definition === undefined) return undefined;
    const isInside = definition.scope.graph === within.graph;
    const isScanned = step.scanned.includes(name);
    // What the step makes is none that is given.
    if (isInside && definition.node !== undefined && !isScanned) return undefined;
    const shape =
      this.#statics.shape(scope, own) ?? (state === undefined ? this.#scannedShape(name) : this.#statics.shape(this.#scope, state));
    const type = this.#statics.type(scope, own) ?? elementTypes.float32;
    const isConstant = state === undefined && !isScanned && this.#statics.isConstant(scope, own);
    return {
      type: type === elementTypes.bool ? 'boolean' : isFloating(type) ? 'float' : 'integer',
      ...(shape === undefined ? {} : { shape }),
      isConstant,
      data: () => (isScanned || state !== undefined ? undefined : this.#statics.data(scope, own)),
    };
  }

  #isHalf({ output }: NodeProto): boolean {
    return output.some((name) => this.#statics.type(this.#body.scope, name) === elementTypes.float16);
  }

  #scannedShape(name: string): readonly (number | undefined)[] | undefined {
    const scanned = this.#body.scanned.get(name);
    const whole = scanned === undefined ? undefined : this.#statics.shape(this.#scope, scanned.name);
    if (scanned === undefined || whole === undefined) return undefined;
    const axis = scanned.axis < 0 ? scanned.axis + whole.length : scanned.axis;
    return whole.filter((_, k) => k !== axis);
  }

  #bind(values: ReadonlyMap<string, Tensor>): BoundPart {
    const { step, scope: within, initial, constant, direction } = this.#body;
    const stacked = (name: string): Tensor | undefined => values.get(keyOf({ name, type: 'float32', within }));
    const outside = (name: string): Tensor | undefined => values.get(constant.get(name) ?? name);
    const first = stacked(step.states[0]!.after);
    if (first === undefined) throw new PartError(`${this.#title}: its state “${step.states[0]!.after}” was not computed.`);
    // Of opset 8, sequences are stacked outside of the steps.
    const isBatched = this.#body.isBatched;
    const lead = isBatched ? 2 : 1;
    const steps = first.dims[lead - 1]!;
    if (steps === 0 || first.dims.includes(0)) throw new PartError(`${this.#title} took no step in this run.`);
    const shapes = new Map<string, readonly number[]>();
    for (const name of step.scanned) shapes.set(name, stacked(name)?.dims.slice(lead) ?? []);
    for (const { before, after } of step.states) {
      const own = outside(initial.get(before)!)?.dims.slice(lead - 1);
      shapes.set(before, own ?? stacked(after)!.dims.slice(lead));
    }
    const read = this.#read((name) => {
      const own = this.#given(name);
      if (own === undefined) return undefined;
      const shape = shapes.get(name);
      if (shape !== undefined) return { ...own, shape };
      const tensor = outside(name);
      return tensor === undefined ? own : { ...own, shape: tensor.dims, data: () => tensor.data };
    });
    const states = new Map(step.states.map(({ before }) => [before, initial.get(before)!]));
    const tensorOf = (name: string): Tensor | undefined =>
      states.has(name) ? outside(states.get(name)!) : (stacked(name) ?? outside(name));
    const isStacked = (name: string): boolean => stacked(name) !== undefined && !states.has(name);
    const run = { node: this.#node, step, read, steps, direction, tensorOf, isStacked };
    if (!isBatched) return boundLoop(run);
    const lengths = this.#node.input[0] ? outside(this.#node.input[0]) : undefined;
    return boundLoop({
      ...run,
      batched: {
        count: first.dims[0]!,
        isOwn: (name) => isStacked(name) || states.has(name),
        ...(lengths === undefined ? {} : { lengths: Array.from(lengths.data as ArrayLike<number | bigint>, Number) }),
      },
    });
  }
}

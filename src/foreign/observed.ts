// The untouched model, opened with the values that its recurrent parts need as further outputs.

import { claimOf, isExternal, tensorOf } from '../onnx/file/tensors.ts';
import { encodeModel, type ModelProto, type TensorProto } from '../onnx/proto.ts';
import type { Runtime, Session, SessionOptions, Tensor } from '../runtime/runtime.ts';
import { halfValue } from '../shared/half.ts';
import { instrumented, type Level } from './instrument.ts';
import { keyOf, type RecurrentPart } from './part.ts';
import { runnable } from './runnable.ts';
import { Definitions, type Scope } from './scopes.ts';

const definitions = new Definitions();

/** The values of a part in one run. */
export interface PartValues {
  readonly part: RecurrentPart;
  /** One an iteration of the loops around it; none where its branch did not run. */
  readonly iterations: readonly ReadonlyMap<string, Tensor>[];
}

export interface Observation {
  /** The model's own outputs. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly parts: readonly PartValues[];
}

type Outputs = Readonly<Record<string, Tensor>>;

interface PortOutput {
  readonly part: RecurrentPart;
  /** As a part asks for it. */
  readonly name: string;
  /** Of an initialiser: no run need copy it. */
  readonly constant?: Tensor;
  /** The model's input that it is. */
  readonly input?: string;
  readonly output: string;
  readonly levels: readonly Level[];
}

export class ObservedModel {
  readonly session: Session;
  /** The model's own outputs, and all. */
  readonly own: readonly string[];
  readonly all: readonly string[];
  readonly #parts: readonly RecurrentPart[];
  readonly #ports: readonly PortOutput[];

  private constructor(session: Session, own: readonly string[], parts: readonly RecurrentPart[], ports: readonly PortOutput[]) {
    this.session = session;
    this.own = own;
    this.all = [...new Set([...own, ...ports.filter(({ constant }) => constant === undefined).map(({ output }) => output)])];
    this.#parts = parts;
    this.#ports = ports;
  }

  /** Throws RuntimeFailure where the runtime refuses the model. */
  static async open(
    runtime: Runtime,
    model: ModelProto,
    parts: readonly RecurrentPart[],
    options: SessionOptions = { device: 'cpu' },
  ): Promise<ObservedModel> {
    const wanted = parts.flatMap((part) =>
      part.ports.map((port) => ({
        part,
        key: keyOf(port),
        isInside: port.within !== undefined,
        scope: port.within ?? part.scope,
        name: port.name,
        type: port.type,
        ...(port.floats === undefined ? {} : { floats: port.floats }),
      })),
    );
    const initializers = new Map(model.graph.initializer.map((each) => [each.name ?? '', each]));
    const constants = wanted.map(({ scope, name }) => (definedAtTop(scope, name) ? constantOf(initializers.get(name)) : undefined));
    const { model: open, outputs } = instrumented(
      model,
      wanted.filter((_, k) => constants[k] === undefined),
    );
    let place = 0;
    const session = await runtime.open(encodeModel(runnable(open)), options);
    const inputs = new Set(model.graph.input.map((input) => input.name));
    const ports = wanted.map(({ part, key, isInside, scope, name: value }, k): PortOutput => {
      const constant = constants[k];
      if (constant !== undefined) return { part, name: key, output: '', levels: [], constant };
      const { name, levels } = outputs[place++]!;
      // The steps of the part's own loop stay together.
      const input = inputs.has(value) && definedAtTop(scope, value) ? { input: value } : {};
      return { part, name: key, output: name, levels: isInside ? levels.slice(0, -1) : levels, ...input };
    });
    return new ObservedModel(
      session,
      model.graph.output.map(({ name }) => name),
      parts,
      ports,
    );
  }

  /** Runs the model. Throws RuntimeFailure. */
  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Observation> {
    // What was fed need not come back.
    const fed = this.#ports.filter(({ input }) => input !== undefined && input in feeds);
    const skipped = new Set(fed.map(({ output }) => output));
    const computed = await this.session.compute(
      feeds,
      this.all.filter((name) => !skipped.has(name)),
    );
    const all = { ...computed, ...Object.fromEntries(fed.map(({ output, input }) => [output, feeds[input!]!])) };
    return {
      outputs: Object.fromEntries(this.own.map((name) => [name, all[name]!])),
      parts: this.#parts.map((part) => this.valuesOf(part, all)),
    };
  }

  /** A part's values among the outputs of a run. */
  valuesOf(part: RecurrentPart, all: Outputs): PartValues {
    const found = this.#ports
      .filter((port) => port.part === part)
      .map(({ name, output, levels, constant }) => ({
        name,
        values: constant === undefined ? iterationsOf(inFloats(all[output]!), levels) : [constant],
      }));
    const count = Math.max(0, ...found.map(({ values }) => values.length));
    const ran = found.every(({ values }) => values.length > 0);
    const iteration = (k: number) => new Map(found.map(({ name, values }) => [name, values[Math.min(k, values.length - 1)]!]));
    return { part, iterations: ran ? Array.from({ length: count }, (_, k) => iteration(k)) : [] };
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

/** Whether no body between a scope and the top makes the name. */
const definedAtTop = (scope: Scope, name: string): boolean => definitions.of(scope, name)?.owner === undefined;

/** An initialiser as a run would give it; undefined of types that are not read here. */
function constantOf(proto: TensorProto | undefined): Tensor | undefined {
  if (proto === undefined || isExternal(proto)) return undefined;
  const claim = claimOf(proto);
  if (typeof claim === 'string' || !(claim.type in readable)) return undefined;
  const { data } = tensorOf(claim, proto, proto.raw_data ?? new Uint8Array());
  // Halves are read as floats.
  const type = claim.type === 'float16' ? 'float32' : (claim.type as Tensor['type']);
  return { type, dims: claim.shape, data: data as Tensor['data'] };
}

const readable = { float32: 1, float16: 1, float64: 1, int8: 1, uint8: 1, int32: 1, int64: 1, bool: 1 };

/** Halves as the floats that they are. */
function inFloats({ type, dims, data }: Tensor): Tensor {
  return type === 'float16' ? { type: 'float32', dims, data: Float32Array.from(data as Uint16Array, halfValue) } : { type, dims, data };
}

/** A value of nested bodies, iteration by iteration; nothing of a branch that did not run. */
function iterationsOf(tensor: Tensor, levels: readonly Level[]): readonly Tensor[] {
  const loops = levels.filter((level) => level !== 'If').length;
  const { dims, data, type } = tensor;
  if (levels.includes('If') && dims.includes(0)) return [];
  const count = dims.slice(0, loops).reduce((product, size) => product * size, 1);
  const own = dims.slice(loops);
  const size = own.reduce((product, each) => product * each, 1);
  return Array.from({ length: count }, (_, k) => ({ type, dims: own, data: data.subarray(k * size, (k + 1) * size) }) as Tensor);
}

// One run of the untouched model, with the values that its recurrent parts need.

import { encodeModel, type ModelProto } from '../onnx/proto.ts';
import type { Runtime, Session, SessionOptions, Tensor } from '../runtime/runtime.ts';
import { instrumented, type Level } from './instrument.ts';
import { keyOf, type RecurrentPart } from './part.ts';
import { runnable } from './runnable.ts';

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

export interface ObservedModel {
  /** Runs the model. Throws RuntimeFailure. */
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Observation>;
  release(): Promise<void>;
}

/** Opens a model that gives the values of these parts beside its own outputs. Throws RuntimeFailure where the runtime refuses it. */
export async function observe(
  runtime: Runtime,
  model: ModelProto,
  parts: readonly RecurrentPart[],
  options: SessionOptions = { device: 'cpu' },
): Promise<ObservedModel> {
  const ports = parts.flatMap((part) => part.ports.map((port) => ({ part, port })));
  const { model: open, outputs } = instrumented(
    model,
    ports.map(({ part, port }) => ({ scope: port.within ?? part.scope, name: port.name, type: port.type })),
  );
  const own = model.graph.output.map(({ name }) => name);
  const session: Session = await runtime.open(encodeModel(runnable(open)), options);
  return {
    async run(feeds) {
      const all = await session.compute(feeds);
      return {
        outputs: Object.fromEntries(own.map((name) => [name, all[name]!])),
        parts: parts.map((part) => {
          const found = ports.flatMap(({ part: owner, port }, k) => {
            const { name, levels } = outputs[k]!;
            // The steps of the part's own loop stay together.
            const around = port.within === undefined ? levels : levels.slice(0, -1);
            return owner === part ? [{ name: keyOf(port), values: iterationsOf(all[name]!, around) }] : [];
          });
          const count = Math.max(0, ...found.map(({ values }) => values.length));
          const ran = found.every(({ values }) => values.length > 0);
          const iteration = (k: number) => new Map(found.map(({ name, values }) => [name, values[Math.min(k, values.length - 1)]!]));
          return { part, iterations: ran ? Array.from({ length: count }, (_, k) => iteration(k)) : [] };
        }),
      };
    },
    release: () => session.release(),
  };
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

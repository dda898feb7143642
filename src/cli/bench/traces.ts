// What a trace of an ONNX model of others costs: the untouched model's run, and in turn the same with every gate and state of every timestep.

import { setTimeout as rest } from 'node:timers/promises';
import { Evaluators, ForeignSession, groupsOf, replayGroup } from '../../foreign/session.ts';
import { encodeModel, type ModelProto } from '../../onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../onnx/write.ts';
import type { Runtime, Tensor } from '../../runtime/runtime.ts';
import { random } from '../../shared/random.ts';
import { median } from './measure.ts';

export interface MeasuredTrace {
  readonly operator: string;
  readonly size: string;
  /** Medians in milliseconds: the untouched model; run and replay, its parity measured; and every line at every timestep read. */
  readonly untouched: number;
  readonly replayed: number;
  readonly traced: number;
  readonly ratio: number;
  readonly target: number;
}

export const traceCases = (['LSTM', 'GRU', 'RNN'] as const).flatMap((operator) =>
  ([128, 512] as const).map((hidden) => ({ operator, hidden, target: hidden === 512 ? 1.3 : 2 })),
);

const STEPS = 1000;
const WARM_UP = 2;
/** As between the turns of the training steps. */
const PAUSE = 60;

export async function measureTrace(
  { operator, hidden, target }: (typeof traceCases)[number],
  rounds: number,
  threads: number,
  runtime: Runtime,
): Promise<MeasuredTrace> {
  const model = layer(operator, hidden);
  const chance = random('trace');
  const x: Tensor = {
    type: 'float32',
    dims: [STEPS, 1, hidden],
    data: Float32Array.from({ length: STEPS * hidden }, () => 2 * chance.uniform() - 1),
  };
  const plain = await runtime.open(encodeModel(model), { device: 'cpu', threads });
  const session = new ForeignSession(runtime, model);
  const evaluators = new Evaluators(runtime);
  const times: Record<'untouched' | 'replayed' | 'traced', number[]> = { untouched: [], replayed: [], traced: [] };
  try {
    for (let round = 0; round < rounds + WARM_UP; round += 1) {
      const before = performance.now();
      await plain.compute({ x });
      const untouched = performance.now() - before;
      await rest(PAUSE);
      const start = performance.now();
      const { ran } = await session.run({ x });
      const [group] = groupsOf(ran);
      const { trace, source } = await replayGroup(evaluators, group!, { id: 0, title: '', model: 'M', file: 'm.onnx', uri: '/m.rnn' });
      const replayed = performance.now() - start;
      const instance = source.runs[0]!.line;
      const { lines } = trace.description.instances.find(({ path }) => path === instance)!;
      await trace.read({ addresses: lines.map(({ name }) => ({ instance, line: name })), from: 0, to: STEPS });
      const traced = performance.now() - start;
      await trace.close();
      await rest(PAUSE);
      if (round < WARM_UP) continue;
      times.untouched.push(untouched);
      times.replayed.push(replayed);
      times.traced.push(traced);
    }
  } finally {
    await plain.release();
    await session.release();
    await evaluators.close();
  }
  const [untouched, replayed, traced] = [median(times.untouched), median(times.replayed), median(times.traced)];
  return { operator, size: `H${hidden}`, untouched, replayed, traced, ratio: traced / untouched, target };
}

function layer(operator: 'LSTM' | 'GRU' | 'RNN', hidden: number): ModelProto {
  const gates = { LSTM: 4, GRU: 3, RNN: 1 }[operator];
  const chance = random('layer');
  const weight = (name: string, dims: readonly number[]) => {
    const count = dims.reduce((product, size) => product * size, 1);
    const data = Float32Array.from({ length: count }, () => (2 * chance.uniform() - 1) / Math.sqrt(hidden));
    return tensorProto('float32', dims, data, name);
  };
  return {
    ir_version: 8,
    opset_import: [{ domain: '', version: 17 }],
    graph: {
      name: 'layer',
      node: [
        { op_type: operator, name: 'layer', input: ['x', 'W', 'R', 'B'], output: ['Y'], attribute: [attribute('hidden_size', hidden)] },
      ],
      initializer: [
        weight('W', [1, gates * hidden, hidden]),
        weight('R', [1, gates * hidden, hidden]),
        weight('B', [1, 2 * gates * hidden]),
      ],
      input: [valueInfo('x', 'float32', ['T', 1, hidden])],
      output: [valueInfo('Y', 'float32')],
    },
  };
}

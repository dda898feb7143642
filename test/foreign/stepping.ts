// An unrolled recurrence checked by running it: its step as a model of its own, run T times by the runtime, beside what the unrolled model computed.

import { instrumented } from '../../src/foreign/instrument.ts';
import { scopesOf } from '../../src/foreign/scopes.ts';
import type { UnrolledRecurrence } from '../../src/foreign/unrolled/recurrence.ts';
import { type ElementType, encodeModel, type ModelProto } from '../../src/onnx/proto.ts';
import { valueInfo } from '../../src/onnx/write.ts';
import type { Runtime, Tensor } from '../../src/runtime/runtime.ts';

/** The largest difference of a state or an output in any step, over the largest number there is; and how many values were compared. */
export async function steppedDifference(
  runtime: Runtime,
  model: ModelProto,
  { body, names, steps }: UnrolledRecurrence,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<{ readonly worst: number; readonly compared: number }> {
  const [scope] = scopesOf(model) as [ReturnType<typeof scopesOf>[number]];
  const wanted = [...new Set([...names.values()].flat().filter((name) => name !== undefined))];
  const { model: open, outputs } = instrumented(
    model,
    wanted.map((name) => ({ scope, name, type: 'float32' as const })),
  );
  const whole = await runtime.open(encodeModel(open), { device: 'cpu', threads: 1 });
  const all = await whole.compute(feeds);
  await whole.release();
  const values = new Map(wanted.map((name, k) => [name, all[outputs[k]!.name]!]));
  const at = (name: string, step: number): Tensor | undefined => values.get(names.get(name)?.[step] ?? '');
  const zeros = ({ dims, data }: Tensor): Tensor => ({ type: 'float32', dims, data: new Float32Array(data.length) });
  // A state whose start is not in the graph starts from zeros, of the shape that it has later.
  const starts = new Map(
    body.states.map(({ before, after }) => [before, at(before, 0) ?? zeros((at(after, 0) ?? at(after, 1) ?? at(before, 1))!)]),
  );
  const inputs = [...body.states.map(({ before }) => before), ...body.scanned, ...body.held];
  const given = [...new Set([...body.states.map(({ after }) => after), ...body.outputs])];
  const step = await runtime.open(
    encodeModel({
      ...model,
      graph: {
        name: 'step',
        node: [...body.nodes],
        initializer: [],
        input: inputs.map((name) => valueInfo(name, (starts.get(name) ?? at(name, 0))!.type as ElementType)),
        output: given.map((name) => ({ name })),
      },
    }),
    { device: 'cpu', threads: 1 },
  );
  let states = starts;
  let [worst, compared] = [0, 0];
  try {
    for (let t = 0; t < steps; t += 1) {
      const fed = Object.fromEntries(inputs.map((name) => [name, states.get(name) ?? at(name, t)!]));
      const results = await step.compute(fed);
      for (const name of given) {
        const expected = at(name, t);
        if (expected === undefined) continue;
        compared += 1;
        worst = Math.max(worst, difference(results[name]!, expected));
      }
      states = new Map(body.states.map(({ before, after }) => [before, results[after]!]));
    }
  } finally {
    await step.release();
  }
  return { worst, compared };
}

/** Relative to the largest; infinite where shapes differ. */
function difference(found: Tensor, expected: Tensor): number {
  if (found.data.length !== expected.data.length) return Number.POSITIVE_INFINITY;
  let [largest, most] = [1e-3, 0];
  for (let k = 0; k < found.data.length; k += 1) {
    largest = Math.max(largest, Math.abs(Number(expected.data[k])));
    const apart = Math.abs(Number(found.data[k]) - Number(expected.data[k]));
    most = Math.max(most, Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart);
  }
  return most / largest;
}

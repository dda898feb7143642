import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Sequences } from '../../../src/analysis/analyse.ts';
import { attribution } from '../../../src/analysis/studies/attribution.ts';
import { gaussLegendre } from '../../../src/analysis/studies/quadrature.ts';
import { StudyError } from '../../../src/analysis/studies/study.ts';
import { buildModel, loadProgram } from '../../../src/language/index.ts';
import type { Attribution } from '../../../src/shared/analysis.ts';
import { random } from '../../../src/shared/random.ts';
import { initialise } from '../../../src/training/initialise.ts';
import { InterpreterEvaluator } from '../../tracing/interpreter.ts';

const STEPS = 6;

interface Given {
  /** Multiplies every weight, so that paths are curved. */
  readonly scale?: number;
  readonly weights?: (name: string, data: Float32Array) => void;
  readonly groups?: readonly Pick<Sequences, 'steps' | 'batch'>[];
  readonly check?: (done: number) => void;
}

interface Studied {
  readonly found: Attribution;
  readonly groups: readonly Sequences[];
  readonly weights: ReadonlyMap<string, { readonly data: Float32Array }>;
}

/** The study of a model that is written in the language, in double precision. Classes are 0 to 4, named a to e. */
async function studied(text: string, { scale = 1, weights, groups = [{ steps: STEPS, batch: 2 }], check }: Given = {}): Promise<Studied> {
  const path = '/one.rnn';
  const program = await loadProgram(path, (file) => (file === path ? Promise.resolve(text) : readFile(file, 'utf8')));
  const model = buildModel(program, { model: 'One', classes: { Char: 5 } });
  const start = initialise(model.weights, 3);
  for (const [name, { data }] of start) {
    for (const [k, each] of data.entries()) data[k] = each * scale;
    weights?.(name, data);
  }
  const chance = random(5, 'inputs');
  const filled = groups.map(({ steps, batch }): Sequences => {
    const inputs = model.inputs.map(({ name, value }): [string, Int32Array | Float32Array] => {
      const length = value.type.axes.reduce((all, { name: axis, size }) => {
        const own = axis === 'B' ? batch : typeof size === 'number' ? size : steps;
        return all * own;
      }, 1);
      return [
        name,
        value.type.dtype === 'int'
          ? Int32Array.from({ length }, () => Math.floor(chance.uniform() * 5))
          : Float32Array.from({ length }, () => chance.normal()),
      ];
    });
    return { steps, batch, inputs: Object.fromEntries(inputs) };
  });
  const found = await attribution.run({
    model,
    weights: start,
    groups: filled,
    traces: [],
    evaluator: () => new InterpreterEvaluator(),
    seed: 1,
    vocabularies: { Char: ['a', 'b', 'c', 'd', 'e'] },
    check: check ?? (() => undefined),
  });
  return { found, groups: filled, weights: start };
}

const tokens = (cell: string): string => `
model One(input: [T] of Char) {
  x = embed(input, 4)
  h = ${cell}(x, 6)
  logits = linear(h, Char)
  loss = cross_entropy(logits, next(input))
}
`;

const numbers = (cell: string): string => `
model One(x: [T, 3], y: [T, 1]) {
  h = ${cell}(x, 6)
  out = linear(h, 1)
  loss = mse(out, y)
}
`;

const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);

function assertComplete({ sequences, limit }: Attribution): void {
  for (const { inputs, atInput, atBaseline, residual } of sequences) {
    assert.ok(residual <= limit, `residual ${residual}`);
    const total = sum(inputs.flatMap(({ values }) => [...values]));
    assert.ok(Math.abs(total - (atInput - atBaseline)) <= limit * Math.abs(atInput - atBaseline), `${total}: ${atInput} - ${atBaseline}`);
    assert.ok(Math.abs(atInput - atBaseline) > 1e-4);
  }
}

describe('integrated gradients', () => {
  it("have Gauss and Legendre's points, exact to degree 15", () => {
    const { points, weights } = gaussLegendre(8);
    for (let degree = 0; degree <= 15; degree += 1)
      assert.ok(Math.abs(sum(points.map((x, k) => weights[k]! * x ** degree)) - 1 / (degree + 1)) < 1e-13);
    assert.ok(Math.abs(sum(points.map((x, k) => weights[k]! * x ** 16)) - 1 / 17) > 1e-14);
  });

  for (const cell of ['lstm', 'gru', 'rnn']) {
    it(`of a ${cell} on tokens add up to the change of the right class's score`, async () => {
      const { found } = await studied(tokens(cell), { scale: 2 });
      assertComplete(found);
      assert.match(found.output, /^score of the right class at the last step/);
      assert.equal(found.baseline, 'zero vectors');
      assert.equal(found.sequences.length, 2);
    });
    it(`of a ${cell} on real inputs add up to the change of its number`, async () => {
      const { found } = await studied(numbers(cell), { scale: 2 });
      assertComplete(found);
      assert.equal(found.baseline, 'zero');
      assert.deepEqual(
        found.sequences[0]!.inputs.map(({ input, values }) => [input, values.length]),
        [['x', STEPS]],
      );
    });
  }

  it('of a linear model are its weights times its input', async () => {
    const linear = `
cell sum(x: [I], size H) {
  state h: [H]
  param W: [H, I], decay: [H]

  h' = decay * h + W @ x
}
model One(x: [T, 3], y: [T, 1]) {
  h = sum(x, 1)
  loss = mse(h, y)
}
`;
    const W = [0.5, -1, 2];
    const { found, groups } = await studied(linear, {
      weights: (name, data) => data.set(name.endsWith('decay') ? [0.5] : W),
    });
    const data = groups[0]!.inputs.x!;
    for (const [row, { inputs, points }] of found.sequences.entries()) {
      for (const [t, value] of inputs[0]!.values.entries()) {
        const expected = 0.5 ** (STEPS - 1 - t) * sum(W.map((w, k) => w * data[(t * 2 + row) * 3 + k]!));
        assert.ok(Math.abs(value - expected) < 1e-5, `${value}: ${expected}`);
      }
      assert.equal(points, 16);
    }
  });

  it('of a model that reads the token of two steps back are of that alone', async () => {
    const late = `
cell late(x: [I], size H) {
  state h: [H], a: [I], b: [I]
  param W: [H, I]

  b' = a
  a' = x
  h' = tanh(W @ b)
}
model One(input: [T] of Char) {
  x = embed(input, 4)
  h = late(x, 6)
  logits = linear(h, Char)
  loss = cross_entropy(logits, next(input))
}
`;
    const { found } = await studied(late, { scale: 2 });
    assertComplete(found);
    for (const { at, inputs } of found.sequences) {
      const { values } = inputs[0]!;
      assert.equal(at, STEPS - 1);
      for (const [t, value] of values.entries())
        if (t === STEPS - 3) assert.ok(Math.abs(value) > 1e-3);
        else assert.equal(value, 0);
    }
    assert.deepEqual(found.byLag[0]!.share, [0, 0, 1, 0, 0, 0]);
  });

  it('agree with central differences along the path, in double precision', async () => {
    const own = `
cell plain(x: [I], size H) {
  state h: [H]
  param W: [H, I], U: [H, H]

  h' = tanh(W @ x + U @ h)
}
model One(x: [T, 3], y: [T, 2]) {
  h = plain(x, 2)
  loss = mse(h, y)
}
`;
    const { found, groups, weights } = await studied(own, { scale: 2 });
    const named = (end: string): Float32Array => [...weights].find(([name]) => name.endsWith(end))![1].data;
    const [W, U] = [named('W'), named('U')];
    const run = (x: readonly number[]): number[] => {
      let h = [0, 0];
      for (let t = 0; t < STEPS; t += 1) {
        const before = h;
        h = before.map((_, n) =>
          Math.tanh(sum([0, 1, 2].map((k) => W[n * 3 + k]! * x[t * 3 + k]!)) + sum(before.map((each, k) => U[n * 2 + k]! * each))),
        );
      }
      return h;
    };
    const MIDDLES = 400;
    for (const [row, { inputs, atInput }] of found.sequences.entries()) {
      const x = Array.from({ length: STEPS * 3 }, (_, k) => groups[0]!.inputs.x![(Math.floor(k / 3) * 2 + row) * 3 + (k % 3)]!);
      const end = run(x);
      const unit = Math.abs(end[0]!) >= Math.abs(end[1]!) ? 0 : 1;
      assert.ok(Math.abs(end[unit]! - atInput) < 1e-5);
      const expected = new Array<number>(STEPS).fill(0);
      for (let n = 0; n < MIDDLES; n += 1)
        for (const [k, each] of x.entries()) {
          const at = (by: number): number => run(x.map((other, m) => (other * (n + 0.5)) / MIDDLES + (m === k ? by : 0)))[unit]!;
          expected[Math.floor(k / 3)]! += (each * (at(1e-5) - at(-1e-5))) / 2e-5 / MIDDLES;
        }
      for (const [t, value] of inputs[0]!.values.entries())
        assert.ok(Math.abs(value - expected[t]!) < 2e-3 * Math.max(...expected.map(Math.abs)), `${value}: ${expected[t]}`);
    }
  });

  it('are of sequences of several lengths, each by itself, with the words of classes', async () => {
    const { found, groups } = await studied(tokens('gru'), {
      groups: [
        { steps: 7, batch: 2 },
        { steps: 3, batch: 1 },
      ],
    });
    assertComplete(found);
    assert.deepEqual(
      found.sequences.map(({ at, inputs }) => [at, inputs[0]!.tokens.length, inputs[0]!.values.length]),
      [
        [6, 7, 7],
        [6, 7, 7],
        [2, 3, 3],
      ],
    );
    assert.deepEqual(
      found.sequences[2]!.inputs[0]!.tokens,
      Array.from(groups[1]!.inputs.input!, (each) => 'abcde'[each]),
    );
    assert.equal(found.byLag[0]!.share.length, 7);
  });

  it('explain the last line of a model that has no loss, and say so', async () => {
    const { found } = await studied('model One(x: [T, 3]) {\n  h = gru(x, 4)\n}\n');
    assertComplete(found);
    assert.match(found.output, /of h at the last step, as there is no loss/);
  });

  it('are of nothing where no input becomes real numbers', async () => {
    const inside = `
cell table(x: [] of Char, size H) {
  state h: [H]
  param E: [Char, H], U: [H, H]

  h' = tanh(E[x] + U @ h)
}
model One(input: [T] of Char) {
  h = table(input, 4)
  logits = linear(h, Char)
  loss = cross_entropy(logits, next(input))
}
`;
    await assert.rejects(
      studied(inside),
      (error: Error) => error instanceof StudyError && /no path to integrate along/.test(error.message),
    );
  });

  it('end where their result is no longer wanted', async () => {
    const shares: number[] = [];
    const stop = new Error('stopped');
    const check = (done: number): void => {
      shares.push(done);
      throw stop;
    };
    await assert.rejects(studied(tokens('lstm'), { check }), stop);
    assert.equal(shares.length, 1);
  });
});

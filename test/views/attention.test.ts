// Lines of attention as the views show them: of the language's own models as of others.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { scopesOf } from '../../src/debug/variables.ts';
import { buildModel, loadProgram } from '../../src/language/index.ts';
import type { Row, TraceState } from '../../src/shared/messages.ts';
import { unpack } from '../../src/shared/packed.ts';
import type { InstanceDescription, ReadRequest, Trace } from '../../src/shared/trace.ts';
import { describeInstance } from '../../src/tracing/describe.ts';
import { Layer } from '../../src/views/layer.ts';
import { layersOf, tintsOf } from '../../src/views/trace-state.ts';
import { drawTokensBelow, type Places, shortPlaceName, strongest, strongestText } from '../../webview/attention.ts';
import type { Surface, TextStyle } from '../../webview/surface.ts';
import { layOut } from '../../webview/timeline-layout.ts';

/** A decoder that looks back at a source, and classes at its end. */
const SOURCE = `model Translator(y: [T, 3], source: [S, 4]) {
  h = attending_decoder(y, source, 5)
  p = softmax(linear(h, 6))
}
`;

async function described(source = SOURCE, name = 'Translator'): Promise<InstanceDescription[]> {
  const program = await loadProgram('/translator.rnn', async (path) => (path === '/translator.rnn' ? source : readFile(path, 'utf8')));
  const model = buildModel(program, { model: name, classes: {} });
  return model.instances.map((instance) => describeInstance(instance, model, { time: 'T', sizes: { T: 7, S: 5, B: 1 } }));
}

describe('attention in the views', () => {
  it('is a softmax over places, and not one over classes', async () => {
    const instances = await described();
    const marked = instances.flatMap(({ path, lines }) => lines.filter(({ attention }) => attention).map(({ name }) => `${path}/${name}`));
    assert.deepEqual(marked, ['h/weights']);
    const h = instances.find(({ path }) => path === 'h')!;
    assert.deepEqual(h.lines.find(({ name }) => name === 'weights')?.shape, [5]);
    const scopes = scopesOf(h);
    assert.deepEqual(scopes.find(({ name }) => name === 'Attention')?.values, ['weights']);
    assert.ok(!scopes.find(({ name }) => name === 'Values')!.values.includes('weights'));
  });

  it('is one over a fixed number of places where it weighs what the model reads, and not where it weighs a weight', async () => {
    const fixed = `cell looking(y: [E], slots: [N, C], size H) {
  state s: [H]
  param M: [N, H]
  near  = softmax(linear(s, N))
  seen  = near @ slots
  far   = softmax(linear(s, N))
  other = sum(far * slots.T, over: N)
  none  = softmax(linear(s, N))
  table = none @ M
  s'    = gru([y; seen; other; table], from: s)
}
model Slots(y: [T, 3], slots: [6, 4]) {
  h    = looking(y, slots, 5)
  late = softmax(linear(h, 6))
  p    = softmax(linear([h; late @ slots], 6))
  q    = linear(p, 2)
}
`;
    const lines = (await described(fixed, 'Slots')).flatMap(({ path, lines: own }) => own.map((line) => ({ path, ...line })));
    assert.deepEqual(
      lines.filter(({ attention }) => attention).map(({ path, name }) => `${path}/${name}`),
      ['/late', 'h/near', 'h/far'],
    );
  });

  it('of several heads inside a cell is a layer for each, behind the cell itself', async () => {
    const heads = `cell looking(y: [E], source: [S, K], size H) {
  state s: [H]
  seen = attend(s, source, 3, heads: 2)
  s'   = gru([y; seen], from: s)
}
model Translator(y: [T, 3], source: [S, 4]) {
  h = looking(y, source, 5)
  p = softmax(linear(h, 6))
}
`;
    const instances = await described(heads);
    const one = traceOf(instances[0]!, 7);
    const outputs = [{ name: 'p', dims: [7, 6] }];
    const trace: Trace = { ...one, description: { ...one.description, instances, outputs }, summary: async () => new Float32Array() };
    const layers = layersOf(trace);
    assert.deepEqual(
      layers.map(({ path }) => path),
      ['h', 'h.s', 'h.seen[0]', 'h.seen[1]'],
    );
    const head = new Layer(trace, layers.at(-1)!);
    assert.deepEqual(
      head.rows.map(({ line, attention }) => [line, attention?.places]),
      [
        ['scores', undefined],
        ['weights', 5],
        ['mixture', undefined],
      ],
    );
    // It has no state that a gradient would flow along: none is offered.
    assert.deepEqual(head.stateRows, []);
    assert.deepEqual([await tintsOf(trace, new Layer(trace, layers[0]!)), await tintsOf(trace, head)], [['gradient'], []]);
  });

  it('has its places in their own order, also where they are as many as the units, and heads below each other', async () => {
    const instance = await oneCell();
    const layer = new Layer(traceOf(instance, 4), instance);
    await layer.prepare();
    const [weights, heads] = ['weights', 'looks'].map((line) => layer.row(line)!);
    assert.deepEqual(
      [weights, heads].map((row) => [row!.name, row!.quantity, row!.units, row!.attention]),
      [
        ['attention', 'share', 3, { heads: 1, places: 3 }],
        ['attention', 'share', 6, { heads: 2, places: 3 }],
      ],
    );
    const request = { window: { from: 0, to: 4 }, order: 'timescale', width: 100, height: 100, units: [1], tokens: 10 } as const;
    const numbers = await layer.window({ ...request, progress: () => true });
    const values = unpack(numbers!.values);
    // Rows from the top are places 0, 1, 2, whatever order the units have.
    assert.deepEqual(
      Array.from(values['heat:weights']!),
      [0, 1, 2].flatMap((place) => [0, 1, 2, 3].map((t) => valueAt(t, place))).map(Math.fround),
    );
    assert.notDeepEqual(Array.from(await layer.order('timescale')), [0, 1, 2]);
    assert.equal(values['low:weights:1'], undefined);
    assert.ok(values["low:h':1"] !== undefined);
  });

  it('is said in words by where most of the weight lies', () => {
    const places = { heads: 2, places: 3 };
    const weights = [0.2, 0.7, 0.1, 0.5, 0.1, 0.4];
    assert.deepEqual(strongest(weights, places), { place: 1, weight: 0.7 });
    assert.equal(strongestText(weights, places), 'in head 0 place 1 has .70 of the weight, in head 1 place 0 has .50 of the weight');
    assert.equal(strongest([Number.NaN, 1], { heads: 1, places: 2 }), undefined);
    assert.equal(shortPlaceName({ heads: 1, places: 2 }, 1), 'place 1');
    assert.equal(shortPlaceName({ heads: 1, places: 2, tokens: ['a', ' '] }, 1), '‘␣’');
  });

  it('is tall enough for its tokens, and as tall as other rows where there is room', () => {
    const row = { line: 's', name: 's', letter: 's', quantity: 'signed', identity: 0, units: 12, limit: 1 } as unknown as Row;
    const tokens = Array.from('0123456789ab');
    const attention = { ...row, line: 'w', attention: { heads: 1, places: 12, tokens } } as Row;
    const trace = { rows: [row, attention, row], window: { from: 0, to: 10 }, units: 0, gradient: false } as unknown as TraceState;
    const heights = (available: number): number[] => layOut(trace, 680, available, new Map()).rows.map(({ height }) => height);
    const [small, weights] = heights(320) as [number, number];
    assert.ok(weights >= 12 * 10 && weights > small, `${small} ${weights}`);
    const tall = heights(1500);
    assert.ok(new Set(tall).size === 1 && tall[0]! > 300, `${tall}`);
  });

  it('has the tokens below its bars, all of them or as many as there is room for, that with the most weight among them', () => {
    const drawn = (places: Places, width: number, most?: number): (readonly [at: number, text: string])[] => {
      const found: (readonly [number, string])[] = [];
      const wide = (text: string): number => 6 * text.length;
      const surface = {
        theme: { description: 'grey', foreground: 'white' },
        measure: (text: string) => wide(text),
        text: (at: number, _: number, text: string, { room = 0 }: TextStyle) => {
          const half = Math.min(room, wide(text)) / 2;
          assert.ok(at - half >= -6 && at + half <= width + 6, `${text} at ${at}`);
          found.push([at, text]);
          return wide(text);
        },
      } as unknown as Surface;
      drawTokensBelow(surface, { x: 0, y: 0, width }, places, most);
      for (const [k, [at]] of found.entries()) assert.ok(k === 0 || at > found[k - 1]![0]);
      return found;
    };
    const letters = { heads: 1, places: 4, tokens: ['m', 'a', 'y', ' '] };
    assert.deepEqual(drawn(letters, 40), [
      [5, 'm'],
      [15, 'a'],
      [25, 'y'],
      [35, '␣'],
    ]);
    assert.deepEqual(drawn(letters, 20, 3), [
      [7.5, 'a'],
      [17.5, '␣'],
    ]);
    const words = { heads: 2, places: 3, tokens: ['the', 'red', 'house'] };
    assert.deepEqual(
      drawn(words, 240, 2).map(([, text]) => text),
      ['the', 'red', 'house', 'the', 'red', 'house'],
    );
  });
});

const valueAt = (t: number, k: number): number => (t + 1) / (t + k + 3);

const range = { uri: 'file:///x.rnn', start: { line: 0, column: 0 }, end: { line: 0, column: 1 } };

/** Three units, three places, two heads. */
async function oneCell(): Promise<InstanceDescription> {
  const line = { dimensions: [], perStep: true, range, text: '' };
  return {
    path: 'h',
    cell: 'own',
    definition: range,
    runs: true,
    reverse: false,
    lines: [
      { ...line, name: 'weights', role: 'weights', shape: [3], attention: true },
      { ...line, name: 'looks', role: 'weights', shape: [2, 3], attention: true },
      { ...line, name: 'table', role: 'value', shape: [2, 3] },
      { ...line, name: "h'", role: 'state', shape: [3] },
    ],
    states: [{ name: 'h', shape: [3] }],
    inputs: [],
    weights: [],
  };
}

/** Each element of a line is `valueAt` of the timestep and its place; unit 1 of h changes the slowest. */
function traceOf(instance: InstanceDescription, steps: number): Trace {
  const never = (): never => {
    throw new Error('not asked for');
  };
  return {
    description: {
      id: 1,
      model: 'M',
      title: '',
      steps,
      tokens: [],
      by: 'number',
      instances: [instance],
      parity: 0,
      objective: { kind: 'loss' },
    },
    read: async ({ addresses, from, to }: ReadRequest) =>
      addresses.map(({ line }) => {
        const shape = instance.lines.find(({ name }) => name === line)?.shape ?? [3];
        const width = shape.reduce((product, size) => product * size, 1);
        return Float32Array.from({ length: (to - from) * width }, (_, k) => {
          const [t, unit] = [from + Math.floor(k / width), k % width];
          return line === "h'" ? Math.cos((t * Math.PI) / [1.1, 40, 3][unit]!) : valueAt(t, unit);
        });
      }),
    summary: never,
    weight: never,
    differentiate: never,
    close: never,
  };
}

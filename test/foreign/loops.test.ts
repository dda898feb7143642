// Recurrences in Scan and Loop, replayed beside the runtime's own run of the same model.

import assert from 'node:assert/strict';
import type { GraphProto, ModelProto } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import { type CellCase, cellCase } from './random-cells.ts';
import { replayed } from './replayed.ts';

async function check(given: CellCase): Promise<void> {
  const { parts, refused } = await replayed(given.model, given.feeds);
  assert.deepEqual(
    refused.map(({ why }) => why),
    [],
    given.title,
  );
  const [found] = parts;
  assert.ok(found !== undefined && parts.length === 1, given.title);
  const { part, bound, parity, compared, text } = found;
  const said = `${given.title}\n${text}`;
  assert.deepEqual(
    { kind: part.kind, form: part.form, directions: part.directions },
    { kind: given.kind, form: given.form, directions: [given.direction] },
    said,
  );
  if (given.isTold) assert.deepEqual([part.hidden, part.input], [given.hidden, given.input], said);
  assert.deepEqual(bound.lengths, new Array<number>(given.batch).fill(given.steps), said);
  assert.ok(parity !== undefined && parity <= 1e-5, `${parity} apart: ${said}`);
  assert.ok(compared.includes("h'") && compared.includes("c'") === (given.kind === 'lstm'), said);
  const [run] = bound.runs;
  assert.deepEqual([...run!.weights.keys()].sort(), [...given.weights.keys()].sort(), said);
  for (const [name, { shape, data }] of given.weights) {
    const own = run!.weights.get(name)!;
    assert.deepEqual(own.shape, shape, `${name}: ${said}`);
    const apart = own.data.reduce((most, each, k) => Math.max(most, Math.abs(each - data[k]!)), 0);
    assert.ok(apart < 1e-6, `${name} is ${apart} apart: ${said}`);
  }
}

describe('Scan and Loop', () => {
  it('of 500 spelled-out LSTM, GRU and RNN cells are told by what they compute, and equal the runtime', async function () {
    this.timeout(300_000);
    for (let seed = 0; seed < 500; seed += 1) await check(cellCase(seed));
  });

  it('of opset 8, whose sequences have lengths of their own', async () => {
    const numbers = (count: number, from: number): Float32Array => Float32Array.from({ length: count }, (_, k) => Math.sin(k + from));
    const nodes = [
      { op_type: 'MatMul', name: 'wx', input: ['x', 'W'], output: ['wx'], attribute: [] },
      { op_type: 'MatMul', name: 'uh', input: ['h', 'U'], output: ['uh'], attribute: [] },
      { op_type: 'Add', name: 'sum', input: ['wx', 'uh'], output: ['sum'], attribute: [] },
      { op_type: 'Tanh', name: 'tanh', input: ['sum'], output: ['next'], attribute: [] },
      { op_type: 'Identity', name: 'copy', input: ['next'], output: ['shown'], attribute: [] },
    ];
    const body: GraphProto = {
      name: 'body',
      node: nodes,
      initializer: [],
      input: [valueInfo('h', 'float32', [4]), valueInfo('x', 'float32', [3])],
      output: [valueInfo('next', 'float32', [4]), valueInfo('shown', 'float32', [4])],
    };
    const model: ModelProto = {
      ir_version: 3,
      opset_import: [{ domain: '', version: 8 }],
      graph: {
        name: 'one',
        node: [
          {
            op_type: 'Scan',
            name: 'eight',
            input: ['lengths', 'h0', 'X'],
            output: ['last', 'Y'],
            attribute: [attribute('body', body), attribute('num_scan_inputs', 1)],
          },
        ],
        initializer: [tensorProto('float32', [3, 4], numbers(12, 1), 'W'), tensorProto('float32', [4, 4], numbers(16, 2), 'U')],
        input: [
          valueInfo('lengths', 'int64', [2]),
          valueInfo('h0', 'float32', [2, 4]),
          valueInfo('X', 'float32', [2, 5, 3]),
          valueInfo('W', 'float32', [3, 4]),
          valueInfo('U', 'float32', [4, 4]),
        ],
        output: [valueInfo('last', 'float32'), valueInfo('Y', 'float32')],
      },
    };
    const { parts, refused } = await replayed(model, {
      lengths: { type: 'int64', dims: [2], data: BigInt64Array.from([5n, 3n]) },
      h0: { type: 'float32', dims: [2, 4], data: numbers(8, 3) },
      X: { type: 'float32', dims: [2, 5, 3], data: numbers(30, 4) },
    });
    assert.deepEqual(refused, []);
    const [{ part, bound, parity, text }] = parts as [(typeof parts)[number]];
    assert.equal(part.kind, 'rnn', text);
    assert.deepEqual(bound.lengths, [5, 3], text);
    assert.ok(parity !== undefined && parity <= 1e-5, `${parity} apart: ${text}`);
  });

  it('in the body of another loop, and in a branch', async function () {
    this.timeout(60_000);
    for (let seed = 2000; seed < 2060; seed += 1) {
      const given = cellCase(seed);
      for (const wrap of [looped, branched]) {
        const { parts, refused } = await replayed(wrap(given.model), given.feeds);
        assert.deepEqual(
          refused.map(({ why }) => why),
          [],
          given.title,
        );
        assert.equal(parts.length, wrap === looped ? 2 : 1, given.title);
        for (const { part, parity, text } of parts) {
          assert.equal(part.kind, given.kind, `${given.title}\n${text}`);
          assert.ok(parity !== undefined && parity <= 1e-5, `${parity} apart: ${given.title}\n${text}`);
        }
      }
    }
  });
});

/** The model's nodes in the body of a loop of two iterations. */
function looped({ graph, ...model }: ModelProto): ModelProto {
  const body: GraphProto = {
    name: 'outer',
    node: [...graph.node, { op_type: 'Identity', input: ['outer_going'], output: ['outer_goes'], attribute: [] }],
    initializer: [],
    input: [valueInfo('outer_i', 'int64', []), valueInfo('outer_going', 'bool', [])],
    output: [valueInfo('outer_goes', 'bool', []), valueInfo('Y', 'float32')],
  };
  const two = tensorProto('int64', [], [2], 'two');
  const node = { op_type: 'Loop', name: 'outer', input: ['two', ''], output: ['Ys'], attribute: [attribute('body', body)] };
  return { ...model, graph: { ...graph, node: [node], initializer: [...graph.initializer, two], output: [valueInfo('Ys', 'float32')] } };
}

/** The model's nodes in the branch that runs. */
function branched({ graph, ...model }: ModelProto): ModelProto {
  const branch = (name: string, node: GraphProto['node']): GraphProto => ({
    name,
    node,
    initializer: [],
    input: [],
    output: [valueInfo(name === 'else' ? 'nothing' : 'Y', 'float32')],
  });
  const empty = attribute('value', tensorProto('float32', [0], []));
  const node = {
    op_type: 'If',
    name: 'choice',
    input: ['yes'],
    output: ['chosen'],
    attribute: [
      attribute('then_branch', branch('then', graph.node)),
      attribute('else_branch', branch('else', [{ op_type: 'Constant', input: [], output: ['nothing'], attribute: [empty] }])),
    ],
  };
  const yes = tensorProto('bool', [], [1], 'yes');
  return {
    ...model,
    graph: { ...graph, node: [node], initializer: [...graph.initializer, yes], output: [valueInfo('chosen', 'float32')] },
  };
}

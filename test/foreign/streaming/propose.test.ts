// Rules are proposed from graphs that spell their cells out, from names, and from shapes; faults of a given rule are told.

import assert from 'node:assert/strict';
import { hintsOf } from '../../../src/foreign/streaming/hints.ts';
import { nameLikeness } from '../../../src/foreign/streaming/names.ts';
import { type Port, portsOf } from '../../../src/foreign/streaming/ports.ts';
import { proposeRule, type StreamProposal } from '../../../src/foreign/streaming/propose.ts';
import { checkRule, parseRule, type StreamRule } from '../../../src/foreign/streaming/rule.ts';
import type { ModelProto } from '../../../src/onnx/proto.ts';
import { valueInfo } from '../../../src/onnx/write.ts';
import { ints, lstm, lstmWeights, model, node, weights } from './models.ts';

/** `x:1,1,5 h:float32:2,T,3` as ports. */
const ports = (text: string): Port[] =>
  text.split(' ').map((each) => {
    const [name, shape, type = 'float32'] = each.split(':');
    return {
      name: name!,
      type,
      dims: shape === '' ? [] : shape!.split(',').map((dim) => (/^\d+$/.test(dim) ? Number(dim) : dim === '?' ? undefined : dim)),
    };
  });

const told = ({ frames, state, constants, confidence }: StreamProposal): string =>
  `${frames.map(({ input, axis }) => `${input}${axis === undefined ? '' : `@${axis}`}`).join()} | ${state.map(({ input, output }) => `${output}>${input}`).join(' ')} | ${Object.keys(constants).join()} | ${confidence}`;
const byName = (inputs: string, outputs: string): string => told(proposeRule(ports(inputs), ports(outputs)));
const byGraph = (given: ModelProto): string => told(proposeRule(portsOf(given.graph).inputs, portsOf(given.graph).outputs, hintsOf(given)));

describe('foreign/streaming: names', () => {
  it('of a state and its next value belong together', () => {
    for (const pair of [
      'h hn',
      'state stateN',
      'h_in h_out',
      'hidden_in_1 hidden_out_1',
      'cache new_cache',
      'cached_key_3 new_cached_key_3',
      'conv_cache conv_cache_out',
      'past_key_values.0.key present_key_values.0.key',
      'prev_h h',
      'lstmStateIn lstmStateOut',
      'state_0:0 state_0_out:0',
      'hx hx_next',
    ]) {
      const [input, output] = pair.split(' ') as [string, string];
      assert.equal(nameLikeness(input, output), 2, pair);
    }
    for (const pair of ['h cn', 'x y', 'state_1 state_out_2x', 'input output', 'cached_key_3 new_cached_value_3', 'in out']) {
      const [input, output] = pair.split(' ') as [string, string];
      assert.equal(nameLikeness(input, output), 0, pair);
    }
    assert.equal(nameLikeness('h0', 'hn'), 1);
    assert.equal(nameLikeness('cached_key_3', 'new_cached_key_4'), 1);
  });

  it('are enough where there is no graph', () => {
    assert.equal(byName('input:1,512 h:2,1,64 c:2,1,64 sr::int64', 'output:1,1 cn:2,1,64 hn:2,1,64'), 'input | hn>h cn>c | sr | names');
    assert.equal(
      byName('cache_0:1,4 cache_1:1,4 x:1,1,4', 'y:1,1,4 new_cache_1:1,4 new_cache_0:1,4'),
      'x@1 | new_cache_0>cache_0 new_cache_1>cache_1 |  | names',
    );
  });

  it('missing, shapes and order decide, and that is said', () => {
    const rule = proposeRule(ports('a:1,1,8 b:1,16 k:1,16'), ports('d:1,1,4 e:1,16 f:1,16'));
    assert.equal(told(rule), 'a@1 | e>b f>k |  | shapes');
    assert.match(rule.reasons.join('\n'), /e feeds b: both are float32 \[1, 16\]\. f and k would do as well: taken in order\./);
    assert.equal(byName('x:1,T,8', 'y:1,T,4'), 'x@1 |  |  | none');
  });
});

describe('foreign/streaming: graphs', () => {
  const [B, H] = [1, 4];
  const state = (name: string) => valueInfo(name, 'float32', [B, H]);
  /** h' = o * tanh(c'), c' = f * c + i * g, without an LSTM operator, under names that tell nothing. */
  const spelled = (order: readonly string[]) =>
    model({
      nodes: [
        node('Squeeze', ['p', 'one'], ['x']),
        node('MatMul', ['x', 'W'], ['wx']),
        node('MatMul', ['q', 'U'], ['uh']),
        node('Add', ['wx', 'uh'], ['z']),
        node('Split', ['z', 'parts'], ['zi', 'zf', 'zg', 'zo'], { axis: 1 }),
        ...['i', 'f', 'o'].map((gate) => node('Sigmoid', [`z${gate}`], [gate])),
        node('Tanh', ['zg'], ['g']),
        node('Mul', ['f', 'r'], ['fc']),
        node('Mul', ['i', 'g'], ['ig']),
        node('Add', ['fc', 'ig'], ['t']),
        node('Tanh', ['t'], ['ct']),
        node('Mul', ['o', 'ct'], ['s']),
        node('MatMul', ['s', 'V'], ['m']),
        // A mask on the frame: little stands between the two, and both have one shape.
        node('Mul', ['m', 'p'], ['y']),
      ],
      initializers: [weights('W', H, 4 * H), weights('U', H, 4 * H), weights('V', H, H), ints('one', 1), ints('parts', H, H, H, H)],
      inputs: [valueInfo('p', 'float32', [B, 1, H]), state('q'), state('r')],
      outputs: order.map((name) => (name === 'y' ? valueInfo('y', 'float32', [B, 1, H]) : state(name))),
    });

  it('tell h from c of a spelled-out cell, whatever the order', () => {
    assert.match(byGraph(spelled(['y', 's', 't'])), /^p@1 \| s>q t>r \|/);
    assert.match(byGraph(spelled(['t', 'y', 's'])), /^p@1 \| s>q t>r \|/);
  });

  it('tell a buffer that is shifted', () => {
    const given = model({
      nodes: [
        node('Concat', ['b', 'a'], ['all'], { axis: 2 }),
        node('Slice', ['all', 'one', 'end', 'two'], ['z']),
        node('Conv', ['all', 'K'], ['k']),
        node('Add', ['k', 'a'], ['y']),
      ],
      initializers: [weights('K', 3, 3, 3), ints('one', 1), ints('two', 2), ints('end', 99)],
      inputs: [valueInfo('a', 'float32', [1, 3, 1]), valueInfo('b', 'float32', [1, 3, 2])],
      outputs: [valueInfo('y', 'float32', [1, 3, 1]), valueInfo('z', 'float32', [1, 3, 2])],
    });
    assert.equal(byGraph(given), 'a@2 | z>b |  | graph');
  });

  it('look into both bodies of an If', () => {
    const branch = (name: string) => ({
      name,
      node: [lstm(name, 'x', H, 'h', 'c'), node('Squeeze', [`${name}.Y`], [`${name}.y`])],
      initializer: lstmWeights(name, 3, H),
      input: [],
      output: ['y', 'Y_h', 'Y_c'].map((each) => ({ name: `${name}.${each}` })),
    });
    const given = model({
      nodes: [
        node('Equal', ['sr', '16k'], ['fast']),
        node('If', ['fast'], ['y', 'n', 'm'], { then_branch: branch('t'), else_branch: branch('e') }),
      ],
      initializers: [ints('16k', 16000)],
      inputs: [
        valueInfo('x', 'float32', [1, 1, 3]),
        valueInfo('h', 'float32', [1, 1, H]),
        valueInfo('c', 'float32', [1, 1, H]),
        valueInfo('sr', 'int64', [1]),
      ],
      outputs: [valueInfo('y', 'float32', [H]), ...['m', 'n'].map((name) => valueInfo(name, 'float32', [1, 1, H]))],
    });
    assert.equal(byGraph(given), 'x@0 | n>h m>c | sr | graph');
    const hints = hintsOf(given);
    assert.deepEqual(
      hints.inputs.h!.slots.map(({ operator, state }) => `${operator} ${state}`),
      ['LSTM_t.Y h', 'LSTM_e.Y h'],
    );
    assert.deepEqual(hints.inputs.sr!.compared, [16000]);
  });

  it('tell several frames from states', () => {
    const given = model({
      nodes: [
        node('Concat', ['near', 'far'], ['x'], { axis: 2 }),
        lstm('l', 'x', H, 'h', 'c'),
        node('Squeeze', ['l.Y', 'one'], ['m']),
        node('Mul', ['m', 'near'], ['clean']),
      ],
      initializers: [...lstmWeights('l', 2 * H, H), ints('one', 1)],
      inputs: ['near', 'far', 'h', 'c'].map((name) => valueInfo(name, 'float32', [1, 1, H])),
      outputs: ['clean', 'l.Y_c', 'l.Y_h'].map((name) => valueInfo(name, 'float32', [1, 1, H])),
    });
    assert.equal(byGraph(given), 'near@0,far@0 | l.Y_h>h l.Y_c>c |  | graph');
  });

  it('that are cyclic, or full of nonsense, are outlived', () => {
    const given = model({
      nodes: [
        node('Add', ['x', 'b'], ['a']),
        node('Add', ['a', 'h'], ['b']),
        node('Slice', ['h', 'nowhere', 'huge'], ['cut']),
        node('Reshape', ['h', 'huge'], ['r']),
        node('Transpose', ['h'], ['t'], { perm: [7, -3] }),
        node('Gather', ['h', 'huge'], ['g'], { axis: 9 }),
        node('Split', ['h', 'huge'], ['s1', 's2'], { axis: -9 }),
        node('Concat', ['h', 'x', 't'], ['k'], { axis: 5 }),
        node('Unsqueeze', ['h', 'huge'], ['u']),
        node('Expand', ['h', 'huge'], ['e']),
        node('ConstantOfShape', ['huge'], ['z']),
        node('LSTM', ['x'], ['y'], { hidden_size: 2 ** 40 }),
        node('If', [], [], {}),
      ],
      initializers: [ints('huge', 2 ** 50, -(2 ** 50), 3)],
      inputs: [valueInfo('x', 'float32', [1, 1, 3]), valueInfo('h', 'float32', [1, 2 ** 45])],
      outputs: [valueInfo('a', 'float32', [1, 1, 3]), valueInfo('k', 'float32', [1, 2 ** 45]), valueInfo('never', 'float32')],
    });
    assert.match(byGraph(given), /^x@0 \| k>h/);
  });
});

describe('foreign/streaming: rules', () => {
  const [inputs, outputs] = [ports('x:1,1,5 h:2,T,3 k:1,5 sr::int64'), ports('y:1,1,5 hn:2,T,3 z:1,5:int64')];
  const good: StreamRule = {
    frames: [{ input: 'x', axis: 1 }],
    state: [{ input: 'h', output: 'hn' }],
    constants: { sr: 16000, k: [1, 2, 3, 4, 5] },
  };
  const faults = (changed: Partial<StreamRule>): string => checkRule({ ...good, ...changed }, inputs, outputs).join('\n');

  it('that fit have no faults', () => {
    assert.equal(faults({}), '');
    assert.equal(faults({ state: [{ input: 'h', output: 'hn', initial: [1, 2, 3, 4, 5, 6] }] }), '');
  });

  for (const [name, changed, why] of [
    [
      'an unknown input',
      { frames: [{ input: 'q' }] },
      /The model has no input q; its inputs are x, h, k, sr\.\nx \(float32 \[1, 1, 5\]\) is neither/,
    ],
    ['an unknown output', { state: [{ input: 'h', output: 'q' }] }, /The model has no output q; its outputs are y, hn, z\./],
    ['no frame', { frames: [] }, /No input gets the frames\./],
    ['an axis that is not there', { frames: [{ input: 'x', axis: 3 }] }, /x is float32 \[1, 1, 5\]: it has no axis 3\./],
    ['an axis that is not time', { frames: [{ input: 'x', axis: 2 }] }, /Axis 2 of x .* has 5 timesteps a call/],
    ['too much context', { frames: [{ input: 'x', context: 5 }] }, /5 numbers of context leave no room/],
    [
      'another shape',
      { state: [{ input: 'h', output: 'y' }] },
      /y is float32 \[1, 1, 5\] and cannot feed h, which is float32 \[2, T, 3\]\./,
    ],
    [
      'another type',
      { constants: { sr: 1 }, state: [...good.state, { input: 'k', output: 'z' }] },
      /z is int64 \[1, 5\] and cannot feed k/,
    ],
    ['one output for two', { constants: { sr: 1 }, state: [...good.state, { input: 'k', output: 'hn' }] }, /hn feeds both h and k/],
    ['one input twice', { constants: { ...good.constants, h: 0 } }, /h is a state and a constant/],
    ['a constant of another size', { constants: { sr: 16000, k: [1, 2] } }, /The constant k has 2 numbers; float32 \[1, 5\] takes 5\./],
    [
      'a start of another size',
      { state: [{ input: 'h', output: 'hn', initial: [1] }] },
      /The initial state of h has 1 numbers; .* takes 6\./,
    ],
  ] as const)
    it(`with ${name} are refused`, () => assert.match(faults(changed as Partial<StreamRule>), why));

  it('are read from JSON as people write it', () => {
    assert.deepEqual(parseRule({ frame: 'x', state: { h: 'hn' } }), {
      frames: [{ input: 'x' }],
      state: [{ input: 'h', output: 'hn' }],
      constants: {},
    });
    const proposal = proposeRule(inputs, outputs);
    assert.deepEqual(parseRule(JSON.parse(JSON.stringify(proposal))).state, proposal.state);
    for (const [json, why] of [
      [[], /is an object/],
      [{}, /which input the frames go to/],
      [{ frame: 'x', sates: [] }, /"sates" is none of them/],
      [{ frame: { input: 'x', axis: 'time' } }, /"axis" of x is a whole number/],
      [{ frame: { input: 'x', context: -1 } }, /"context" of x/],
      [{ frame: 'x', state: [{ input: 'h' }] }, /Each of "state"/],
      [{ frame: 'x', state: [{ input: 'h', output: 'hn', initial: 'ones' }] }, /The initial state of h/],
      [{ frame: 'x', constants: { sr: null } }, /The constant sr has no number/],
    ] as const)
      assert.throws(() => parseRule(json), why);
  });
});

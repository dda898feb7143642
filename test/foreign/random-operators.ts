// Seeded random LSTM, GRU and RNN operators: every attribute in its combinations, as models of one node.

import type { ModelProto, NodeProto, TensorProto, ValueInfo } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';
import type { Tensor } from '../../src/runtime/runtime.ts';
import { chance as generator } from '../graph/numeric.ts';

export interface OperatorCase {
  readonly title: string;
  readonly model: ModelProto;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

export interface CaseOptions {
  readonly layout?: 0 | 1;
}

export { generator };

const ACTIVATIONS = [
  'Sigmoid',
  'Tanh',
  'Relu',
  'Affine',
  'LeakyRelu',
  'ThresholdedRelu',
  'ScaledTanh',
  'HardSigmoid',
  'Elu',
  'Softsign',
  'Softplus',
];
const ALPHAS = new Set(['Affine', 'LeakyRelu', 'ThresholdedRelu', 'ScaledTanh', 'HardSigmoid', 'Elu']);
const BETAS = new Set(['Affine', 'ScaledTanh', 'HardSigmoid']);

export function operatorCase(seed: number, { layout = 0 }: CaseOptions = {}): OperatorCase {
  const random = generator(seed);
  const chance = (share: number): boolean => random() < share;
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  const whole = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
  const letters = (text: string): string => pick([text, text, text.toLowerCase(), text.toUpperCase()]);

  const kind = pick(['LSTM', 'GRU', 'RNN'] as const);
  const direction = pick(['forward', 'reverse', 'bidirectional']);
  const directions = direction === 'bidirectional' ? 2 : 1;
  let steps = whole(1, 9);
  const [batch, input, hidden] = [whole(1, 4), whole(1, 6), whole(1, 7)];
  const gates = { LSTM: 4, GRU: 3, RNN: 1 }[kind];
  const numbers = (count: number, scale: number): Float32Array => Float32Array.from({ length: count }, () => scale * (2 * random() - 1));

  const attributes = [attribute('hidden_size', hidden)];
  if (direction !== 'forward' || chance(0.3)) attributes.push(attribute('direction', direction));
  if (layout === 1) attributes.push(attribute('layout', 1));
  let isBounded = true;
  const said = [`${kind} ${direction} B ${batch} I ${input} H ${hidden}`];
  if (chance(0.35)) {
    const clip = Math.fround(0.2 + 1.5 * random());
    attributes.push(attribute('clip', { float: clip }));
    said.push(`clip ${clip}`);
  }
  if (kind === 'LSTM' && chance(0.25)) {
    attributes.push(attribute('input_forget', 1));
    said.push('input_forget');
  }
  if (kind === 'GRU' && chance(0.5)) {
    attributes.push(attribute('linear_before_reset', 1));
    said.push('linear_before_reset');
  }
  if (chance(0.5)) {
    const count = directions * { LSTM: 3, GRU: 2, RNN: 1 }[kind];
    const names = Array.from({ length: count }, () => pick(ACTIVATIONS));
    attributes.push(attribute('activations', names.map(letters)));
    const alphas = names
      .filter((name) => ALPHAS.has(name))
      .map((name) => (name === 'ThresholdedRelu' ? 0.3 * random() : 0.1 + 0.9 * random()));
    const betas = names.filter((name) => BETAS.has(name)).map(() => 0.1 + 0.9 * random());
    // Without any, the operators' defaults hold.
    if (alphas.length > 0 && chance(0.7)) {
      attributes.push({ name: 'activation_alpha', type: 6, floats: alphas.map(Math.fround) });
      if (betas.length > 0) attributes.push({ name: 'activation_beta', type: 6, floats: betas.map(Math.fround) });
    }
    said.push(names.join(' '));
    isBounded = names.every((name) => ['Sigmoid', 'Tanh', 'HardSigmoid', 'Softsign'].includes(name));
  }

  const feeds: Record<string, Tensor> = {};
  const inputs: ValueInfo[] = [];
  const initializer: TensorProto[] = [];
  const give = (name: string, dims: readonly number[], data: Float32Array, fed: boolean): string => {
    if (fed) {
      feeds[name] = { type: 'float32', dims, data };
      inputs.push(valueInfo(name, 'float32', dims));
    } else initializer.push(tensorProto('float32', dims, data, name));
    return name;
  };
  const fed = chance(0.15);
  // Unbounded activations of large sums explode, and no two computations of what explodes agree.
  const scale = isBounded ? 0.9 : 0.3;
  if (!isBounded) steps = Math.min(steps, 3);
  said.push(`T ${steps}`);
  const size = (dims: readonly number[]): number => dims.reduce((product, each) => product * each, 1);
  const tensor = (name: string, dims: readonly number[], asInput: boolean, by = scale): string =>
    give(name, dims, numbers(size(dims), by), asInput);
  const x = layout === 1 ? [batch, steps, input] : [steps, batch, input];
  const state = layout === 1 ? [batch, directions, hidden] : [directions, batch, hidden];
  const nodeInputs = [
    tensor('X', x, true, 1.5),
    tensor('W', [directions, gates * hidden, input], fed),
    tensor('R', [directions, gates * hidden, hidden], fed),
    chance(0.75) ? tensor('B', [directions, 2 * gates * hidden], fed) : '',
    '',
    chance(0.6) ? tensor('initial_h', state, chance(0.5)) : '',
    kind === 'LSTM' && chance(0.6) ? tensor('initial_c', state, chance(0.5)) : '',
    kind === 'LSTM' && chance(0.35) ? tensor('P', [directions, 3 * hidden], fed) : '',
  ];
  if (chance(0.4)) {
    nodeInputs[4] = 'lengths';
    const data = Int32Array.from({ length: batch }, () => whole(1, steps));
    feeds.lengths = { type: 'int32', dims: [batch], data };
    inputs.push(valueInfo('lengths', 'int32', [batch]));
    said.push(`lengths ${data.join(' ')}`);
  }
  while (nodeInputs.at(-1) === '') nodeInputs.pop();
  said.push(`inputs ${nodeInputs.filter((each) => each !== '').join(' ')}`);
  const outputs = ['Y', 'Y_h', ...(kind === 'LSTM' ? ['Y_c'] : [])].map((name) => (name === 'Y' || chance(0.8) ? name : ''));
  if (chance(0.1) && outputs[1] !== '') outputs[0] = '';
  const node: NodeProto = { op_type: kind, name: `/net/${kind.toLowerCase()}`, input: nodeInputs, output: outputs, attribute: attributes };
  const model: ModelProto = {
    ir_version: 8,
    opset_import: [{ domain: '', version: layout === 1 ? 14 : pick([7, 11, 14, 17]) }],
    graph: {
      name: 'one',
      node: [node],
      initializer,
      input: inputs,
      output: outputs.filter((name) => name !== '').map((name) => valueInfo(name, 'float32')),
    },
  };
  return { title: `${seed}: ${said.join(', ')}`, model, feeds };
}

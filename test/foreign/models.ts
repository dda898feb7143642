// Small models as other exporters write them, and bytes made by hand.

import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, ValueInfo } from '../../src/onnx/proto.ts';
import { attribute, tensorProto, valueInfo } from '../../src/onnx/write.ts';

export const node = (
  op_type: string,
  input: string[],
  output: string[],
  attributes: AttributeProto[] = [],
  more: Partial<NodeProto> = {},
): NodeProto => ({ op_type, input, output, attribute: attributes, ...more });

export const graphOf = (nodes: NodeProto[], more: Partial<GraphProto> = {}): GraphProto => ({
  name: 'g',
  node: nodes,
  initializer: [],
  input: [],
  output: [],
  ...more,
});

export const modelOf = (graph: GraphProto, more: Partial<ModelProto> = {}): ModelProto => ({
  ir_version: 8,
  opset_import: [{ domain: '', version: 17 }],
  producer_name: 'test',
  graph,
  ...more,
});

const float = (name: string, dims?: (number | string)[]): ValueInfo => valueInfo(name, 'float32', dims);
const ramp = (count: number): number[] => Array.from({ length: count }, (_, k) => (k - count / 2) / count);
const weights = (name: string, dims: number[]): TensorProto => tensorProto('float32', dims, ramp(dims.reduce((a, b) => a * b)), name);

/** An LSTM and a GRU in series; the GRU's weights in typed fields; traces of sources as metadata. */
export function recurrentModel(): ModelProto {
  const [I, H] = [3, 4];
  const { raw_data: _, ...typed } = weights('/gru/R', [1, 3 * H, H]);
  const lstm = node(
    'LSTM',
    ['x', 'W', 'R', '', '', 'h0', ''],
    ['y', '', 'c'],
    [attribute('hidden_size', H), attribute('clip', { float: 3 })],
    {
      name: '/rnn/LSTM',
      doc_string: 'net.py(12): forward',
      metadata_props: [{ key: 'pkg.torch.onnx.stack_trace', value: 'File "net.py", line 12, in forward' }],
    },
  );
  const gru = node('GRU', ['y3', 'gru::W', '/gru/R'], ['z'], [attribute('hidden_size', H), attribute('direction', 'forward')]);
  return modelOf(
    graphOf([lstm, node('Squeeze', ['y', 'axis'], ['y3'], [], { name: 's' }), gru], {
      initializer: [
        weights('W', [1, 4 * H, I]),
        weights('R', [1, 4 * H, H]),
        weights('gru::W', [1, 3 * H, H]),
        { ...typed, float_data: ramp(3 * H * H) },
        { name: 'axis', data_type: 7, dims: [1], int64_data: [1] },
        weights('h0', [1, 2, H]),
      ],
      input: [float('x', ['T', 2, I]), float('h0', [1, 2, H])],
      output: [float('z', ['T', 1, 2, H]), float('c')],
      value_info: [float('y', ['T', 1, 2, H])],
    }),
    { producer_version: '1.2', metadata_props: [{ key: 'author', value: 'someone' }] },
  );
}

/** If, Loop and Scan, with bodies that read names of the graphs around them. */
export function nestedModel(): ModelProto {
  const branch = (name: string, operator: string): GraphProto => graphOf([node(operator, ['x'], [name])], { name, output: [float(name)] });
  const loop = graphOf([node('Add', ['s', 'x'], ['next']), node('Identity', ['again'], ['still'])], {
    input: [valueInfo('i', 'int64', []), valueInfo('again', 'bool', []), float('s')],
    output: [valueInfo('still', 'bool', []), float('next')],
  });
  const inner = graphOf([node('Mul', ['h', 'w'], ['scaled'])], { output: [float('scaled')] });
  const scan = graphOf(
    [
      node('If', ['flag'], ['kept'], [attribute('then_branch', inner), attribute('else_branch', branch('other', 'Relu'))], {
        name: 'inner',
      }),
      node('Add', ['kept', 'xt'], ['h1']),
    ],
    { input: [float('h'), float('xt')], output: [float('h1'), float('h1')], initializer: [weights('w', [1])] },
  );
  return modelOf(
    graphOf(
      [
        node('If', ['flag'], ['chosen'], [attribute('then_branch', branch('a', 'Tanh')), attribute('else_branch', branch('b', 'Relu'))], {
          name: 'choice',
        }),
        node('Loop', ['n', 'flag', 'chosen'], ['sum'], [attribute('body', loop)], { name: 'loop' }),
        node('Scan', ['sum', 'x'], ['last', 'all'], [attribute('body', scan), attribute('num_scan_inputs', 1)], { name: 'scan' }),
      ],
      {
        initializer: [tensorProto('int64', [], [3], 'n')],
        input: [float('x', ['None', '?', '']), valueInfo('flag', 'bool', [])],
        output: [float('last'), float('all')],
      },
    ),
  );
}

/** Calls a function of its own, and an operator that nobody knows; weights in `weights.bin`. */
export function functionModel(): ModelProto {
  const gate: NodeProto[] = [
    node('MatMul', ['x', 'w'], ['m']),
    node('LeakyRelu', ['m'], ['y'], [{ name: 'alpha', type: 1, ref_attr_name: 'slope' }]),
  ];
  return modelOf(
    graphOf(
      [
        node('Gate', ['x', 'w'], ['g'], [attribute('slope', { float: 0.5 })], { domain: 'mine' }),
        node('Whirl', ['g', 'c'], ['y'], [], { domain: 'custom.ops' }),
        node('Constant', [], ['c'], [attribute('value', tensorProto('float32', [2], [1, 2]))]),
      ],
      {
        initializer: [
          {
            name: 'w',
            data_type: 1,
            dims: [2, 2],
            data_location: 1,
            external_data: [
              { key: 'location', value: 'weights.bin' },
              { key: 'offset', value: '4' },
              { key: 'length', value: '16' },
            ],
          },
        ],
        input: [float('x')],
        output: [float('y')],
      },
    ),
    {
      opset_import: [
        { domain: '', version: 17 },
        { domain: 'mine', version: 1 },
        { domain: 'custom.ops', version: 1 },
      ],
      functions: [
        {
          name: 'Gate',
          domain: 'mine',
          input: ['x', 'w'],
          output: ['y'],
          attribute: ['slope'],
          node: gate,
          opset_import: [{ domain: '', version: 17 }],
        },
      ],
    },
  );
}

/** The length or number that leads a field. */
export function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 127n) | 128);
  }
}

/** A field that holds bytes, a text, a message or packed numbers. */
export function field(id: number, content: Uint8Array | string | readonly Uint8Array[]): Buffer {
  const body = typeof content === 'string' ? Buffer.from(content) : content instanceof Uint8Array ? content : Buffer.concat([...content]);
  return Buffer.concat([Uint8Array.from([...varint(id * 8 + 2), ...varint(body.length)]), body]);
}

/** A field that holds one number. */
export const numberField = (id: number, value: number | bigint): Buffer => Buffer.from([...varint(id * 8), ...varint(value)]);

/** A model of one tensor, whose fields are given as bytes. */
export const held = (...fields: Uint8Array[]): Buffer => Buffer.concat([numberField(1, 8), field(7, field(5, [...fields, field(8, 't')]))]);

/** Fields of a tensor: sizes, element type, raw_data, and varints packed in a field. */
export const dims = (...sizes: (number | bigint)[]): Buffer => Buffer.concat(sizes.map((size) => numberField(1, size)));
export const type = (number: number): Buffer => numberField(2, number);
export const raw = (view: ArrayBufferView): Buffer => field(9, new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
export const packed = (id: number, values: readonly (number | bigint)[]): Buffer =>
  field(
    id,
    values.map((value) => numberField(0, value).subarray(1)),
  );

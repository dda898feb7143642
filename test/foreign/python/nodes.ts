// Nodes as exporters leave them.

import type { NodeProto } from '../../../src/onnx/proto.ts';

interface Given {
  readonly op?: string;
  readonly name?: string;
  readonly input?: readonly string[];
  readonly stack?: string;
  readonly doc?: string;
  readonly props?: Readonly<Record<string, string>>;
}

export function node({ op = 'Add', name = '', input = [], stack, doc, props = {} }: Given): NodeProto {
  const entries = stack === undefined ? props : { ...props, 'pkg.torch.onnx.stack_trace': stack };
  return {
    op_type: op,
    name,
    input: [...input],
    output: ['y'],
    attribute: [],
    ...(doc === undefined ? {} : { doc_string: doc }),
    metadata_props: Object.entries(entries).map(([key, value]) => ({ key, value })),
  };
}

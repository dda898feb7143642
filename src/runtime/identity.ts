// The smallest ONNX model: y = x, of any rank. It tells whether a device works, and reads tensors back from it.

import { type ElementType, encodeModel } from '../onnx/proto.ts';
import { valueInfo } from '../onnx/write.ts';

export function identityModel(type: ElementType): Uint8Array {
  return encodeModel({
    ir_version: 8,
    opset_import: [{ domain: '', version: 17 }],
    graph: {
      name: 'identity',
      node: [{ op_type: 'Identity', input: ['x'], output: ['y'], attribute: [] }],
      initializer: [],
      input: [valueInfo('x', type)],
      output: [valueInfo('y', type)],
    },
  });
}

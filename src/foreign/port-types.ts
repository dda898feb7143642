// Element types that a run gives to parts.

import { elementTypes } from '../onnx/proto.ts';
import type { Port } from './part.ts';

/** By TensorProto.DataType. */
export const portTypes: Readonly<Record<number, Port['type']>> = {
  [elementTypes.float32]: 'float32',
  [elementTypes.float16]: 'float16',
  [elementTypes.float64]: 'float64',
  [elementTypes.int32]: 'int32',
  [elementTypes.int64]: 'int64',
  [elementTypes.bool]: 'bool',
};

// The numbers of tensors that lie in the model file itself.

import { claimOf, isExternal, tensorOf } from '../onnx/file/tensors.ts';
import type { TensorProto } from '../onnx/proto.ts';

/** undefined where they lie outside of the file, or are none. Row-major; whole numbers of 64 bits as floating-point ones. */
export function numbersOfTensor(tensor: TensorProto): ArrayLike<number> | undefined {
  if (isExternal(tensor)) return undefined;
  const claim = claimOf(tensor);
  if (typeof claim === 'string' || claim.type === 'string') return undefined;
  const { data } = tensorOf(claim, tensor, tensor.raw_data ?? new Uint8Array());
  return data instanceof BigInt64Array || data instanceof BigUint64Array ? Array.from(data, Number) : (data as ArrayLike<number>);
}

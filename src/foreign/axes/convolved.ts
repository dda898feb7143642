// Axes behind a convolution or a pooling: the batch as it was, channels anew, along the others the same axis with another length.

import type { NodeProto } from '../../onnx/proto.ts';
import { intOf, intsOf } from '../streaming/elements.ts';
import { type Axes, resized, sizeOfAxis } from './axis.ts';

/** undefined of other operators. `kernel`: the shape of the weights. */
export function convolved(node: NodeProto, x: Axes, kernel: readonly number[] | undefined): Axes | undefined {
  const { op_type: operator } = node;
  if (/^Global\w*Pool$/.test(operator)) return x.map((each, k) => (k < 2 ? each : [{ size: 1 }]));
  const isPool = /^(Max|Average|Lp)Pool$/.test(operator);
  const isBack = operator === 'ConvTranspose';
  if (!isPool && !isBack && operator !== 'Conv') return undefined;
  const spatial = x.length - 2;
  const window = intsOf(node, 'kernel_shape') ?? kernel?.slice(2);
  if (window === undefined || spatial < 1) return undefined;
  const each = (name: string, usual: number): readonly number[] => intsOf(node, name) ?? new Array<number>(spatial).fill(usual);
  const [strides, dilations] = [each('strides', 1), each('dilations', 1)];
  const pads = intsOf(node, 'pads') ?? new Array<number>(2 * spatial).fill(0);
  const auto = Buffer.from(node.attribute.find(({ name }) => name === 'auto_pad')?.s ?? []).toString();
  const group = intOf(node, 'group') ?? 1;
  const channels = isPool ? undefined : isBack ? (kernel?.[1] ?? Number.NaN) * group : kernel?.[0];
  if (!isPool && !Number.isFinite(channels)) return undefined;
  const extra = each('output_padding', 0);
  return x.map((axis, k) => {
    if (k === 0) return axis;
    if (k === 1) return isPool ? axis : [{ size: channels! }];
    const at = k - 2;
    const size = sizeOfAxis(axis);
    const [stride, reach] = [strides[at]!, dilations[at]! * (window[at]! - 1) + 1];
    const padding = pads[at]! + pads[at + spatial]!;
    if (auto.startsWith('SAME')) return resized(axis, isBack ? size * stride : Math.ceil(size / stride));
    if (isBack) return resized(axis, (size - 1) * stride + reach + extra[at]! - padding);
    const room = (size + padding - reach) / stride;
    return resized(axis, (intOf(node, 'ceil_mode') === 1 ? Math.ceil(room) : Math.floor(room)) + 1);
  });
}

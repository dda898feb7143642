// Resize and Upsample. Nearest moves elements; the interpolations are linear along each axis, and their matrix is what Resize makes of the identity.

import { elementTypes } from '../../../onnx/proto.ts';
import { NoGradient, type Rule, type Vjp } from '../vjp.ts';

/** Version 10 and Upsample know scales only, and sample as `asymmetric` with `floor`. */
interface Sampling {
  readonly mode: string;
  readonly scales: string;
  readonly sizes: string;
  readonly old: boolean;
}

function samplingOf(vjp: Vjp): Sampling {
  const old = vjp.node.op_type === 'Upsample' || vjp.version < 11;
  const mode = vjp.text('mode', 'nearest') === 'bilinear' ? 'linear' : vjp.text('mode', 'nearest');
  const listed = vjp.node.attribute.find((each) => each.name === 'scales')?.floats;
  if (listed !== undefined) return { mode, scales: scaleList(vjp, listed), sizes: '', old };
  const at = old ? 1 : 2;
  const scales = vjp.hasInput(at) ? vjp.input(at) : '';
  const sizes = !old && vjp.hasInput(3) ? vjp.input(3) : '';
  return { mode, scales: sizes === '' ? scales : '', sizes, old };
}

function scaleList({ emit }: Vjp, scales: readonly number[]): string {
  return emit.concat(...scales.map((scale) => emit.op('Reshape', [emit.scalar(elementTypes.float32, scale), emit.ints(1)])));
}

/** What every sampling has in common with the node's; regions of interest are not known here. */
function attributesOf(vjp: Vjp, { mode, old }: Sampling) {
  const transformation = old ? 'asymmetric' : vjp.text('coordinate_transformation_mode', 'half_pixel');
  if (transformation === 'tf_crop_and_resize') throw new NoGradient('its gradient with tf_crop_and_resize is not known here');
  if (vjp.text('keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    throw new NoGradient('its gradient with a kept aspect ratio is not known here');
  return {
    mode,
    coordinate_transformation_mode: transformation,
    nearest_mode: old ? 'floor' : vjp.text('nearest_mode', 'round_prefer_floor'),
    cubic_coeff_a: { float: vjp.float('cubic_coeff_a', -0.75) },
    exclude_outside: vjp.int('exclude_outside', 0),
    antialias: vjp.int('antialias', 0),
  };
}

/** The runtime moves int32. */
function nearest(vjp: Vjp, sampling: Sampling): void {
  const { emit } = vjp;
  vjp.giveMoved(0, (places) => {
    const attributes = { ...attributesOf(vjp, sampling), axes: vjp.ints('axes') };
    const inputs = [emit.cast(places, elementTypes.int32), '', sampling.scales, sampling.sizes];
    return emit.cast(emit.op('Resize', inputs, attributes), elementTypes.int64);
  });
}

function interpolated(vjp: Vjp, sampling: Sampling): string {
  const { emit } = vjp;
  const attributes = attributesOf(vjp, sampling);
  const at = sampling.old ? 1 : sampling.sizes === '' ? 2 : 3;
  const known = vjp.constant(at)?.length ?? vjp.node.attribute.find((each) => each.name === 'scales')?.floats?.length ?? vjp.rank(0);
  const axes = vjp.ints('axes') ?? (known === undefined ? undefined : Array.from({ length: known }, (_, k) => k));
  if (axes === undefined) throw new NoGradient('neither its scales nor its sizes are in the model, so its rank is not known');
  let cotangent = vjp.grad();
  axes.forEach((axis, k) => {
    const size = emit.size(vjp.input(0), axis);
    const matrix = interpolation(vjp, sampling, attributes, k, size);
    const before = emit.sizes(cotangent, 0, axis);
    const behind = axis === -1 ? emit.op('Slice', [emit.ints(1), emit.ints(0), emit.ints(0)]) : emit.sizes(cotangent, axis + 1);
    const flat = emit.op('Reshape', [cotangent, emit.concat(product(vjp, before), emit.size(cotangent, axis), emit.ints(-1))]);
    const made = emit.op('MatMul', [matrix, flat]);
    cotangent = emit.reshape(made, emit.concat(before, size, behind));
  });
  return cotangent;
}

const product = ({ emit }: Vjp, sizes: string): string => emit.op('ReduceProd', [sizes], { keepdims: 1 });

/** [n, m]: how each of n elements of an axis counts in each of its m results. */
function interpolation(
  vjp: Vjp,
  { scales, sizes }: Sampling,
  attributes: ReturnType<typeof attributesOf>,
  k: number,
  size: string,
): string {
  const { emit } = vjp;
  const zero = emit.op('Expand', [emit.scalar(elementTypes.float32, 0), emit.concat(size, size)]);
  const identity = emit.reshape(emit.op('EyeLike', [zero]), emit.concat(emit.ints(1, 1), size, size));
  const one = emit.op('Expand', [emit.scalar(elementTypes.float32, 1), emit.ints(3)]);
  const inputs =
    sizes === ''
      ? [identity, '', emit.concat(one, emit.op('Gather', [scales, emit.ints(k)])), '']
      : [identity, '', '', emit.concat(emit.ints(1, 1), size, emit.cast(emit.op('Gather', [sizes, emit.ints(k)]), elementTypes.int64))];
  const sampled = emit.op('Resize', inputs, attributes);
  return emit.cast(emit.op('Squeeze', [sampled, emit.ints(0, 1)]), vjp.type);
}

const resize: Rule = (vjp) => {
  const sampling = samplingOf(vjp);
  if (sampling.mode === 'nearest') nearest(vjp, sampling);
  else vjp.give(0, () => interpolated(vjp, sampling));
};

export const resizing = { Resize: resize, Upsample: resize } as const satisfies Readonly<Record<string, Rule>>;

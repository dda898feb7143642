// Operators that move elements, and calculate nothing: the same moves done to the numbers of the places say where each cotangent belongs.

import { elementTypes } from '../../../onnx/proto.ts';
import { NoGradient, type Rule, type Vjp } from '../vjp.ts';

/** Input 0 is moved as `move` moves a tensor of its shape; what it fills with must be 0 there. */
const moved =
  (move: (vjp: Vjp, places: string) => string): Rule =>
  (vjp) =>
    vjp.giveMoved(0, (places) => move(vjp, places));

const reshaped: Rule = (vjp) => vjp.give(0, () => vjp.emit.reshapeLike(vjp.grad(), vjp.input(0)));

/** The same operator, with its attributes (whole numbers) and other inputs. */
const repeated =
  (...attributes: readonly string[]): Rule =>
  (vjp) => {
    const given = attributes.filter((name) => vjp.has(name));
    const kept = Object.fromEntries(given.map((name) => [name, vjp.int(name, 0)]));
    moved((_, places) => {
      const others = vjp.node.input.slice(1).map((name, k) => (name === '' ? '' : vjp.input(k + 1)));
      return vjp.emit.op(vjp.node.op_type, [places, ...others], kept);
    })(vjp);
  };

const slice: Rule = moved((vjp, places) => {
  const [starts, ends] = [vjp.list('starts', 1), vjp.list('ends', 2)];
  if (starts === undefined || ends === undefined) throw new NoGradient('it has no starts or ends');
  return vjp.emit.op('Slice', [places, starts, ends, vjp.list('axes', 3) ?? '', vjp.hasInput(4) ? vjp.input(4) : '']);
});

const pad: Rule = (vjp) => {
  vjp.give(3, () => {
    throw new NoGradient('the gradient of the axes is not known here');
  });
  moved((_, places) => {
    const pads = vjp.list('pads', 1) ?? vjp.list('paddings', 1);
    if (pads === undefined) throw new NoGradient('it has no pads');
    const inputs = [places, pads, '', vjp.hasInput(3) ? vjp.input(3) : ''];
    return vjp.emit.op('Pad', inputs, { mode: vjp.text('mode', 'constant') });
  })(vjp);
  // What is filled in got the place 0.
  vjp.give(2, () => {
    const { emit } = vjp;
    const places = emit.op('Pad', [emit.places(vjp.input(0)), vjp.list('pads', 1)!, '', vjp.hasInput(3) ? vjp.input(3) : '']);
    const filled = emit.where(emit.op('Equal', [places, emit.int(0)]), vjp.grad(), vjp.type);
    return emit.reshapeLike(emit.op('ReduceSum', [filled], { keepdims: 0 }), vjp.input(2));
  });
};

const concat: Rule = (vjp) => {
  const { emit } = vjp;
  const axis = vjp.int('axis', 1);
  const pieces = (): readonly string[] => {
    const sizes = vjp.node.input.map((_, k) => emit.size(vjp.input(k), axis));
    return emit.ops('Split', [vjp.grad(), emit.concat(...sizes)], { axis }, sizes.length);
  };
  vjp.node.input.forEach((_, k) => {
    vjp.give(k, () => (vjp.count === 1 ? vjp.grad() : pieces()[k]!));
  });
};

const split: Rule = (vjp) =>
  vjp.give(0, () =>
    vjp.emit.op(
      'Concat',
      vjp.node.output.flatMap((name, k) => {
        if (name === '') throw new NoGradient('one of its outputs has no name');
        return [vjp.grad(k)];
      }),
      { axis: vjp.int('axis', 0) },
    ),
  );

/** Places of a scatter get no cotangent of the data; or, added to, keep it. */
const scatter =
  (operator: 'ScatterND' | 'ScatterElements', gather: 'GatherND' | 'GatherElements'): Rule =>
  (vjp) => {
    const { emit } = vjp;
    const reduction = vjp.text('reduction', 'none');
    if (reduction !== 'none' && reduction !== 'add') throw new NoGradient(`its gradient with reduction ${reduction} is not known here`);
    const axis = operator === 'ScatterElements' ? { axis: vjp.int('axis', 0) } : {};
    vjp.give(0, () =>
      reduction === 'add'
        ? vjp.grad()
        : emit.op(operator, [vjp.grad(), vjp.input(1), emit.zeros(emit.shape(vjp.input(2)), vjp.type)], axis),
    );
    vjp.give(2, () => emit.op(gather, [vjp.grad(), vjp.input(1)], axis));
  };

const transpose: Rule = (vjp) => {
  const perm = vjp.ints('perm');
  const inverse = perm?.map((_, k) => perm.indexOf(k));
  vjp.give(0, () => vjp.emit.op('Transpose', [vjp.grad()], { perm: inverse }));
};

/** The values of the largest (or smallest) elements: a gather along the axis. */
const topK: Rule = (vjp) => {
  const { emit } = vjp;
  vjp.give(0, () => {
    const zeros = emit.zeros(emit.shape(vjp.input(0)), vjp.type);
    return emit.op('ScatterElements', [zeros, vjp.output(1), vjp.grad()], { axis: vjp.int('axis', -1), reduction: 'add' });
  });
};

const trilu: Rule = (vjp) =>
  vjp.give(0, () => vjp.emit.op('Trilu', [vjp.grad(), vjp.hasInput(1) ? vjp.input(1) : ''], { upper: vjp.int('upper', 1) }));

/** The runtime moves blocks of floats only; their places are whole numbers up to 2^24 in float32, up to 2^53 in float64. */
const blocks =
  (...attributes: readonly string[]): Rule =>
  (vjp) => {
    const { emit } = vjp;
    const mode = vjp.node.op_type === 'DepthToSpace' ? { mode: vjp.text('mode', 'DCR') } : {};
    moved((_, places) => {
      const kept = Object.fromEntries(attributes.map((name) => [name, vjp.int(name, 1)]));
      const floats = emit.op(vjp.node.op_type, [emit.cast(places, elementTypes.float64)], { ...kept, ...mode });
      return emit.cast(floats, elementTypes.int64);
    })(vjp);
  };

export const moving = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transpose,
  Expand: (vjp) => vjp.give(0, () => vjp.emit.sumTo(vjp.grad(), vjp.input(0))),
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: repeated('axis'),
  GatherElements: repeated('axis'),
  GatherND: repeated('batch_dims'),
  Compress: repeated('axis'),
  Tile: repeated(),
  ReverseSequence: repeated('batch_axis', 'time_axis'),
  DepthToSpace: blocks('blocksize'),
  SpaceToDepth: blocks('blocksize'),
  ScatterND: scatter('ScatterND', 'GatherND'),
  ScatterElements: scatter('ScatterElements', 'GatherElements'),
  Scatter: scatter('ScatterElements', 'GatherElements'),
  Pad: pad,
  TopK: topK,
  Trilu: trilu,
} as const satisfies Readonly<Record<string, Rule>>;

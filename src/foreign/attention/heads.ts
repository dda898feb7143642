// Heads that lie in the batch: weights of [B * heads, T, S], as torch.nn.MultiheadAttention has them. What of that axis is no axis of an input is heads.

import { describeModel } from '../../onnx/operators.ts';
import type { ModelProto } from '../../onnx/proto.ts';
import { type Axes, sizeOfAxis } from '../axes/axis.ts';
import { followAxes } from '../axes/follow.ts';
import { madeUpSizes } from '../axes/names.ts';
import type { AttentionSite } from './sites.ts';

export class HeadCounts {
  readonly #model: ModelProto;
  #axes: ReadonlyMap<string, Axes> | undefined;

  constructor(model: ModelProto) {
    this.#model = model;
  }

  /** How many lie side by side in each sequence's place of the batch; 1 where nothing tells. */
  of({ scope, product }: AttentionSite): number {
    if (product.form.kind !== 'matmul' || scope.owner !== undefined) return 1;
    this.#axes ??= followAxes(this.#model.graph, madeUpSizes(describeModel(this.#model, 0).inputs));
    const axes = this.#axes.get(product.weights);
    if (axes?.length !== 3) return 1;
    const factors = axes[0]!.filter(({ size }) => size > 1);
    const last = factors.findLastIndex(({ of }) => of !== undefined);
    return sizeOfAxis(factors.slice(last + 1));
  }
}

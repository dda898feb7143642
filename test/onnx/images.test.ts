// Models with images as the training step has them: gradients, all passes, onnxruntime's own kernels, against the interpreter.

import { differentiate } from '../../src/graph/differentiate.ts';
import { optimise } from '../../src/graph/passes/optimise.ts';
import { unroll } from '../../src/graph/passes/unroll.ts';
import { buildModel } from '../../src/language/index.ts';
import { programOf } from '../language/load.ts';
import { cases } from '../pytorch/models.ts';
import { assertLowered } from './lowered.ts';

describe('images in the training step', () => {
  for (const name of ['images', 'films'] as const)
    for (const how of ['looped', 'unrolled'] as const)
      it(`${name}, ${how}`, async () => {
        const { text, sizes: classes } = cases[name]!;
        const { graph, loss, weights } = buildModel(await programOf(text), { model: 'M', classes });
        const wrt = weights.map(({ value }) => value);
        const derivative = differentiate({ ...graph, results: [loss!] }, loss!, wrt);
        const lean = optimise(derivative.graph);
        const sizes = { T: 3, B: 2 };
        await assertLowered(how === 'looped' ? lean : unroll(lean, { fanIn: 6, sizes }), sizes, {}, 1e-4);
      });
});

// Files of weights, by their endings.

import { basename, extname } from 'node:path';
import { type WeightFile, WeightsError } from './file.ts';
import { findLayers } from './layers.ts';
import { readOnnx } from './onnx.ts';
import { readSafetensors } from './safetensors.ts';

/** Reads a `.safetensors` or `.onnx` file. Throws WeightsError. */
export async function readWeights(path: string): Promise<WeightFile> {
  switch (extname(path).toLowerCase()) {
    case '.safetensors': {
      const { layers, rest } = findLayers(await readSafetensors(path));
      return { path, tensors: rest, layers };
    }
    case '.onnx': {
      const { tensors, layers } = await readOnnx(path);
      const more = findLayers(tensors);
      return { path, tensors: more.rest, layers: [...layers, ...more.layers] };
    }
    default:
      throw new WeightsError(
        `${basename(path)} is neither .safetensors nor .onnx. In Python: safetensors.torch.save_file(model.state_dict(), "weights.safetensors").`,
      );
  }
}

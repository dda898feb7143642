// What tints the tokens and stands in the overview: surprise, or the gradient's norm.

import type { Tint } from '../shared/messages.ts';
import type { Trace } from '../shared/trace.ts';
import type { Layer } from './layer.ts';

/** A number a timestep, for all of them. */
export function tintOf(trace: Trace, layer: Layer, tint: Tint): Promise<Float32Array> {
  if (tint === 'surprise') return trace.summary({ kind: 'surprise' });
  const memory = layer.stateRows[0];
  return memory === undefined ? Promise.resolve(new Float32Array(layer.sequence.steps)) : layer.gradientNorm(memory.line);
}

/** Tints as shares of full colour: surprise linear to its 99th percentile, gradients by decade over the six below their maximum. */
export function shareOfColour(values: Float32Array, tint: Tint): { readonly share: Float32Array; readonly max: number } {
  const sorted = values.filter(Number.isFinite).sort();
  const max = sorted.at(-1) ?? Number.NaN;
  if (tint === 'surprise') {
    const full = Math.max(1, sorted[Math.floor(0.99 * (sorted.length - 1))] ?? 1);
    return { share: values.map((v) => Math.min(1, v / full)), max };
  }
  const top = Math.log10(max);
  return { share: values.map((v) => (v > 0 ? Math.max(0, Math.min(1, (Math.log10(v) - top + 6) / 6)) : Number.isNaN(v) ? v : 0)), max };
}

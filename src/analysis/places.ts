// Factors of a gradient by the lines that they come from.

import type { Line } from '../graph/model.ts';
import type { DirectPath, FactorPlace } from '../shared/analysis.ts';
import type { SeededTrace } from '../tracing/trace.ts';
import type { RecurrentState } from './recurrences.ts';
import type { Route } from './routes.ts';

/** Timesteps on which a factor is compared with the lines of its cell. */
const COMPARED = 32;
const ALIKE = 1e-5;

/** Where a direct factor is from, and the bias of its gate, if it has one. */
export interface FactorSource extends Omit<FactorPlace, 'layer'> {
  readonly bias?: NonNullable<DirectPath['bias']>;
  readonly instance: string;
}

/** The line that a direct factor is the value of, or what it leaves of 1: told by its numbers. A factor that is none of them is named after the
 *  state's line, of which it is the derivative. */
export async function sourceOfFactor(
  trace: SeededTrace,
  { instance, name, size }: RecurrentState,
  factor: Float32Array,
): Promise<FactorSource> {
  const to = Math.min(COMPARED, trace.description.steps);
  const found = factor.subarray(0, to * trace.sizes.B! * size);
  const own = instance.lines.find((line) => line.name === `${name}'`);
  const here = { instance: instance.path };
  const alike = (value: (k: number) => number): boolean => found.every((each, k) => Math.abs(each - value(k)) < ALIKE);
  for (const line of instance.lines) {
    if (line.value.type.dtype !== 'float') continue;
    const [data] = await trace.read({ addresses: [{ instance: instance.path, line: line.name }], from: 0, to });
    if (data?.length !== found.length) continue;
    const factorName = alike((k) => data[k]!) ? line.name : alike((k) => 1 - data[k]!) ? `1 − ${line.name}` : undefined;
    if (factorName === undefined) continue;
    const bias = line.role === 'gate' ? await biasOf(trace, instance, line) : undefined;
    return { ...here, ...placed(line), factor: factorName, ...(bias === undefined ? {} : { bias }) };
  }
  const constant = found[0]!;
  if (alike(() => constant)) return { ...here, ...placed(own), factor: String(Number(constant.toPrecision(4))) };
  return { ...here, ...placed(own), factor: `∂${name}' / ∂${name}` };
}

const placed = (line: Line | undefined): Pick<FactorPlace, 'line' | 'text' | 'range'> =>
  line === undefined ? { line: '', text: '' } : { line: line.name, text: line.text, range: line.range };

/** The places of the two factors of a way through a product: its weight, and the line in which what is before it is lost. */
export function placeOf(
  trace: SeededTrace,
  layer: string,
  { weight, origin }: Route,
): { readonly product: FactorPlace; readonly line: FactorPlace } {
  const instance = trace.model.instances.find(({ path }) => path === origin?.instance);
  const line = placed(instance?.lines.find(({ name }) => name === origin?.line));
  const name = weight?.slice(weight.lastIndexOf('.') + 1) ?? `product in ${origin?.line ?? layer}`;
  return {
    product: { layer, ...line, factor: name, ...(weight === undefined ? {} : { weight }) },
    line: { layer, ...line, factor: `derivative of ${line.line === '' ? layer : line.line}` },
  };
}

/** The bias of a line: a weight of one axis that it adds. */
async function biasOf(trace: SeededTrace, instance: RecurrentState['instance'], { text }: Line): Promise<DirectPath['bias']> {
  for (const { name, weight } of instance.weights) {
    const added = new RegExp(`(?<![\\w*@]\\s*)\\b${name}\\b(?!\\s*[\\w*@[(])`).test(text) && !new RegExp(`[*@]\\s*${name}\\b`).test(text);
    if (!added) continue;
    const { shape, data } = await trace.weight(weight);
    if (shape.length === 1) return { weight, mean: data.reduce((sum, each) => sum + each, 0) / data.length };
  }
  return undefined;
}

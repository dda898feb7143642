// A recurrent part as a model of one's own: its cells as source, the layers that stand on each other in one model, what it was given and what it
// made of it as data to train on, its weights as the start.

import type { NamedArray } from '../data/npz.ts';
import { PartError, type RecurrentPart } from './part.ts';
import { relativeDifference } from './replay.ts';
import type { RanPart } from './session.ts';
import { cellSource } from './text.ts';

export interface OwnModel {
  readonly source: string;
  readonly model: string;
  /** One example a sequence: [B, T, ...] and [B, ...]. */
  readonly arrays: readonly NamedArray[];
  readonly weights: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;
  /** What a person should know of how it was put together. */
  readonly remarks: readonly string[];
}

export interface OwnModelNames {
  readonly model: string;
  /** The file that it is from, and that of the arrays. */
  readonly from: string;
  readonly arrays: string;
}

/** Of layers in series, the lowest first. Throws PartError where their sequences are of several lengths, or where their outputs are not known. */
export function ownModel(stack: readonly RanPart[], { model, from, arrays: file }: OwnModelNames): OwnModel {
  const layers = stack.map((layer) => new Layer(layer));
  const [first] = layers as [Layer, ...Layer[]];
  const steps = first.bound.lengths[0]!;
  if (layers.some(({ bound }) => bound.lengths.length !== first.bound.lengths.length || bound.lengths.some((length) => length !== steps)))
    throw new PartError('Its sequences are of several lengths: run it on sequences of one length.');
  const cells: string[] = [];
  const lines: string[] = [];
  const header: string[] = [];
  const arrays: NamedArray[] = [];
  const weights = new Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>();
  const remarks: string[] = [];
  const input = (name: string, shape: readonly number[], data: readonly Float32Array[], isTimed: boolean): string => {
    header.push(`${name}: [${[...(isTimed ? ['T'] : []), ...shape].join(', ')}]`);
    arrays.push([name, { shape: [data.length, ...(isTimed ? [steps] : []), ...shape], data: joined(data) }]);
    return name;
  };
  let below: Layer | undefined;
  let value = '';
  for (const layer of layers) {
    const { name } = layer.part;
    const [width] = layer.bound.runs[0]!.cell.inputs[0]!.shape as [number];
    const own = layer.inputs();
    let x = value;
    if (below === undefined || !below.feeds(own, steps)) {
      if (below !== undefined) remarks.push(`What ${name} is given is not what ${below.part.name} gives: it is an input of its own.`);
      x = input(`${name}_x`, [width], own, true);
    }
    const calls = layer.bound.runs.map((run, k) => {
      const line = run.direction === 'reverse' ? `${name}_reverse` : name;
      cells.push(cellSource(`${line}_cell`, run.cell));
      for (const [weight, numbers] of run.weights) weights.set(`${line}.${weight}`, numbers);
      const held = run.cell.held.map((each) => input(`${line}_${each.name}`, each.shape, layer.held(k, each.name), false));
      const given = [run.direction === 'reverse' ? `reverse(${x})` : x, ...held].join(', ');
      lines.push(`${line} = ${run.direction === 'reverse' ? `reverse(${line}_cell(${given}))` : `${line}_cell(${given})`}`);
      return line;
    });
    value = calls.length === 1 ? calls[0]! : `${name}_both`;
    if (calls.length > 1) lines.push(`${value} = [${calls.join('; ')}]`);
    below = layer;
  }
  const outputs = below!.outputs();
  const target = input('target', [outputs[0]!.length / steps], outputs, true);
  lines.push(`loss = mse(${value}, ${target})`);
  const doc = `/// The recurrent layers of ${from}, with their weights. It is trained on what they were given and what they made of it, until you give it other data.`;
  const source = [
    ...cells,
    [doc, `model ${model}(${header.join(', ')}) {`, ...aligned(lines), '}'].join('\n'),
    `data recorded = arrays("${file}", validation: 0)`,
    `train ${model} on recorded {\n  steps:     100\n  batch:     ${Math.min(32, first.bound.lengths.length)}\n  optimizer: adam(0.0005)\n  clip:      1\n}\n`,
  ].join('\n\n');
  return { source, model, arrays, weights, remarks };
}

class Layer {
  readonly part: RecurrentPart;
  readonly bound: RanPart['bound'];

  constructor({ part, bound }: RanPart) {
    this.part = part;
    this.bound = bound;
    if (bound.runs.some(({ cell }) => cell.inputs.length !== 1)) throw new PartError(`${part.name} has not one input, but several.`);
  }

  /** Sequence by sequence, [T, I]. */
  inputs(): Float32Array[] {
    const [run] = this.bound.runs;
    return this.#each((item) => run!.sequence(item).inputs[run!.cell.inputs[0]!.name]!);
  }

  held(run: number, name: string): Float32Array[] {
    return this.#each((item) => this.bound.runs[run]!.sequence(item).inputs[name]!);
  }

  /** The states of all directions side by side, [T, D H]. */
  outputs(): Float32Array[] {
    return this.#each((item) => {
      const states = this.bound.runs.map((run) => {
        const line = `${run.cell.value}'`;
        const found = run.sequence(item).expected.find((each) => each.line === line && !each.lastOnly);
        if (found === undefined)
          throw new PartError(`The model does not keep the states of ${this.part.name} over time: there is nothing to learn from.`);
        return found.data;
      });
      const steps = this.bound.lengths[item]!;
      const width = states[0]!.length / steps;
      const result = new Float32Array(steps * width * states.length);
      states.forEach((data, k) => {
        for (let t = 0; t < steps; t += 1) result.set(data.subarray(t * width, (t + 1) * width), (t * states.length + k) * width);
      });
      return result;
    });
  }

  /** Whether its states are what another layer is given. */
  feeds(inputs: readonly Float32Array[], steps: number): boolean {
    if (steps === 0) return false;
    return this.outputs().every((data, k) => data.length === inputs[k]?.length && relativeDifference(data, inputs[k]!) < 1e-6);
  }

  #each(of: (item: number) => Float32Array): Float32Array[] {
    return Array.from(this.bound.lengths, (_, item) => of(item));
  }
}

function joined(rows: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    result.set(row, at);
    at += row.length;
  }
  return result;
}

function aligned(lines: readonly string[]): string[] {
  const parts = lines.map((line) => [line.slice(0, line.indexOf(' = ')), line.slice(line.indexOf(' = ') + 3)] as const);
  const width = Math.max(...parts.map(([name]) => name.length));
  return parts.map(([name, text]) => `  ${name.padEnd(width)} = ${text}`);
}

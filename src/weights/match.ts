// Which tensor of a file is which weight of a model: by its name, by the gates of a recurrent layer, by its shape. What could be more than one thing is not
// taken: a person is told what to call it.

import type { Instance, Model } from '../graph/model.ts';
import { type LayerKind, type StoredLayer, type Tensor, transposed, type WeightFile } from './file.ts';

export interface MatchedWeights {
  /** By the names of the model. */
  readonly taken: ReadonlyMap<string, Tensor>;
  /** One line for each weight that was found, in the model's order. */
  readonly report: readonly { readonly weight: string; readonly from: string; readonly how: string }[];
  /** Weights of the model that nothing was found for; `why` where there was a choice. */
  readonly missing: readonly { readonly weight: string; readonly shape: readonly number[]; readonly why?: string }[];
  /** Tensors of the file that went nowhere. */
  readonly unused: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

interface Found {
  readonly tensor: Tensor;
  readonly from: string;
  readonly how: string;
}

/** Matches a file to a model of the same shape. Nothing is changed. */
export function matchWeights(model: Pick<Model, 'weights' | 'instances'>, file: WeightFile): MatchedWeights {
  const shapes = new Map(model.weights.map(({ name, value }) => [name, value.type.axes.map(({ size }) => Number(size))]));
  const found = new Map<string, Found>();
  const why = new Map<string, string>();
  const used = new Set<string>();
  for (const [name, shape] of shapes) {
    const tensor = file.tensors.get(name);
    if (tensor === undefined) continue;
    if (!isSame(tensor.shape, shape)) why.set(name, `it is [${tensor.shape.join(', ')}] in the file`);
    else {
      found.set(name, { tensor, from: name, how: 'by its name' });
      used.add(name);
    }
  }
  const usedLayers = matchLayers(model, shapes, file.layers, found, why);
  matchPairs(model, shapes, file.tensors, found, used);
  matchShapes(shapes, file.tensors, found, used, why);
  const unusedLayers = file.layers.filter((layer) => !usedLayers.has(layer));
  return {
    taken: new Map([...shapes.keys()].flatMap((name) => (found.has(name) ? [[name, found.get(name)!.tensor] as const] : []))),
    report: [...shapes.keys()].flatMap((weight) => {
      const each = found.get(weight);
      return each === undefined ? [] : [{ weight, from: each.from, how: each.how }];
    }),
    missing: [...shapes].flatMap(([weight, shape]) => {
      if (found.has(weight)) return [];
      const reason = why.get(weight);
      return [{ weight, shape, ...(reason === undefined ? {} : { why: reason }) }];
    }),
    unused: [
      ...[...file.tensors].flatMap(([name, { shape }]) => (used.has(name) ? [] : [{ name, shape }])),
      ...unusedLayers.map((layer) => ({ name: `${layer.from.join(', ')} (${describe(layer)})`, shape: sizesOf(layer) })),
    ],
  };
}

/** The weights of a new run: the drawn ones, with those replaced that were found. */
export function applyWeights(start: ReadonlyMap<string, Tensor>, { taken }: Pick<MatchedWeights, 'taken'>): Map<string, Tensor> {
  return new Map([...start].map(([name, tensor]) => [name, taken.get(name) ?? tensor]));
}

const isSame = (a: readonly number[], b: readonly number[]): boolean => a.length === b.length && a.every((size, k) => size === b[k]);

// -------------------------------------------------------------------------------------------------------------------- recurrent layers

interface Unit {
  readonly path: string;
  readonly kind: LayerKind;
  readonly reverse: boolean;
  /** The model's weights by their names in the cell. */
  readonly weights: ReadonlyMap<string, string>;
  readonly sizes: readonly [input: number, hidden: number];
}

const gatesOf: Readonly<Record<LayerKind, readonly string[]>> = { lstm: ['f', 'i', 'g', 'o'], gru: ['r', 'z', 'n'], rnn: [''] };
const own = (matrix: string, gate: string): string => (gate === '' ? matrix : `${matrix}_${gate}`);

/** An instance whose cell has the weights of such a layer, and no others that would change what it computes. */
function unitOf({ path, reverse, weights }: Instance, shapes: ReadonlyMap<string, readonly number[]>): Unit | undefined {
  const names = new Map(weights.map(({ name, weight }) => [name, weight]));
  for (const kind of ['lstm', 'gru', 'rnn'] as const) {
    const gates = gatesOf[kind];
    const needed = gates.flatMap((gate) => [own('W', gate), own('U', gate), own('b', gate)]);
    const optional = kind === 'gru' ? ['d_n'] : [];
    if (!needed.every((name) => names.has(name)) || [...names.keys()].some((name) => !needed.includes(name) && !optional.includes(name)))
      continue;
    const matrix = shapes.get(names.get(own('W', gates[0]!))!)!;
    return { path, kind, reverse, weights: names, sizes: [matrix[1]!, matrix[0]!] };
  }
  return undefined;
}

const sizesOf = ({ gates }: StoredLayer): readonly [number, number] => {
  const [height, width] = gates[0]!.input.shape as [number, number];
  return [width, height];
};
const describe = (layer: StoredLayer): string => `${layer.kind} ${sizesOf(layer).join(' to ')}${layer.reverse ? ', from the end' : ''}`;

/** Gives each unit of the model its layer: of the same name, or the only ones of its kind, sizes and direction, in order. */
function matchLayers(
  { instances }: Pick<Model, 'instances'>,
  shapes: ReadonlyMap<string, readonly number[]>,
  layers: readonly StoredLayer[],
  found: Map<string, Found>,
  why: Map<string, string>,
): ReadonlySet<StoredLayer> {
  const used = new Set<StoredLayer>();
  const units = instances.flatMap((instance) => {
    const unit = unitOf(instance, shapes);
    return unit === undefined || [...unit.weights.values()].every((name) => found.has(name)) ? [] : [unit];
  });
  const keyOf = (kind: LayerKind, sizes: readonly number[], reverse: boolean): string => `${kind} ${sizes.join(' ')} ${reverse}`;
  const groups = new Map<string, Unit[]>();
  for (const unit of units) {
    const named = layers.filter((layer) => !used.has(layer) && fits(unit, layer) && isNamed(unit, layer));
    if (named.length === 1) {
      used.add(named[0]!);
      take(unit, named[0]!, shapes, found, why, 'by its name');
      continue;
    }
    const key = keyOf(unit.kind, unit.sizes, unit.reverse);
    groups.set(key, [...(groups.get(key) ?? []), unit]);
  }
  for (const group of groups.values()) {
    const [first] = group as [Unit];
    const candidates = layers.filter((layer) => !used.has(layer) && fits(first, layer));
    const names = new Set(candidates.map(({ name }) => name));
    if (candidates.length === group.length && (group.length === 1 || names.size === 1)) {
      group.forEach((unit, k) => {
        used.add(candidates[k]!);
        take(
          unit,
          candidates[k]!,
          shapes,
          found,
          why,
          group.length === 1 ? 'by its kind and sizes' : `by its kind, sizes and order (${k + 1} of ${group.length})`,
        );
      });
      continue;
    }
    if (candidates.length === 0) continue;
    const reason = `${group.map(({ path }) => path).join(', ')} could be ${candidates.map((layer) => `${layer.name || '(without a name)'} layer ${layer.layer}`).join(', ')}: rename the tensors to begin with the line's name, as in ${first.path}.weight_ih_l0`;
    for (const unit of group) for (const name of unit.weights.values()) if (!found.has(name)) why.set(name, reason);
  }
  return used;
}

const fits = ({ kind, sizes, reverse }: Unit, layer: StoredLayer): boolean =>
  layer.kind === kind && isSame(sizesOf(layer), sizes) && layer.reverse === reverse;

/** `h` is `h.weight_ih_l0`, `h[1]` its layer 1 or the operator `h[1]`, `h[1].forward` the direction of either. */
function isNamed({ path }: Unit, { name, layer }: StoredLayer): boolean {
  const line = path.replace(/\.(forward|backward)$/, '').replace(/\.correction$/, '');
  const plain = (text: string): string => text.replace(/\.(forward|backward)$/, '').replace(/\.correction$/, '');
  const match = /^(.*?)(?:\[(\d+)\])?$/.exec(line)!;
  return name === path || plain(name) === line || (name === match[1] && layer === Number(match[2] ?? 0));
}

function take(
  unit: Unit,
  layer: StoredLayer,
  shapes: ReadonlyMap<string, readonly number[]>,
  found: Map<string, Found>,
  why: Map<string, string>,
  how: string,
): void {
  const isKeeping = unit.weights.has('d_n');
  if (unit.kind === 'gru' && layer.resetAfter !== isKeeping) {
    const reason = isKeeping
      ? 'the reset gate of this layer acts before the product with the state: that is gru_2014'
      : 'the reset gate of this layer acts after the product with the state: that is gru';
    for (const name of unit.weights.values()) why.set(name, reason);
    return;
  }
  const give = (name: string, tensor: Tensor, from: string, more: string): void => {
    const weight = unit.weights.get(name);
    if (weight !== undefined && isSame(tensor.shape, shapes.get(weight)!)) found.set(weight, { tensor, from, how: more });
  };
  const [w, u, b] = [layer.from[0]!, layer.from[1]!, layer.from.slice(2).join(' + ')];
  for (const { gate, input, recurrent, biases } of layer.gates) {
    const rowsOf = gate === '' ? how : `${how}, the rows of gate ${gate}`;
    give(own('W', gate), input, w, rowsOf);
    give(own('U', gate), recurrent, u, rowsOf);
    const [first, second] = biases;
    const zeros: Tensor = { shape: [input.shape[0]!], data: new Float32Array(input.shape[0]!) };
    if (gate === 'n' && isKeeping) {
      give('b_n', first ?? zeros, b || '(zeros)', rowsOf);
      give('d_n', second ?? zeros, b || '(zeros)', `${rowsOf}, inside the reset`);
    } else if (second === undefined) give(own('b', gate), first ?? zeros, b || '(zeros)', rowsOf);
    else {
      const sum = (first ?? zeros).data.map((value, k) => value + second.data[k]!);
      give(own('b', gate), { shape: zeros.shape, data: sum }, b, `${rowsOf}, both biases added up`);
    }
  }
}

// ------------------------------------------------------------------------------------------------------------------------- the others

/** A matrix and its bias that the file gives one name: `head.weight` and `head.bias` go where both fit. */
function matchPairs(
  { instances }: Pick<Model, 'instances'>,
  shapes: ReadonlyMap<string, readonly number[]>,
  tensors: ReadonlyMap<string, Tensor>,
  found: Map<string, Found>,
  used: Set<string>,
): void {
  const pairs = [...tensors].flatMap(([name, matrix]) => {
    const match = /^(.*?)([./]?)(weight|kernel)(:0)?$/.exec(name);
    if (match === null || matrix.shape.length !== 2 || used.has(name)) return [];
    const biasName = name.replace(/(weight|kernel)(:0)?$/, 'bias$2');
    const bias = tensors.get(biasName);
    if (bias?.shape.length !== 1) return [];
    const turned = match[3] === 'kernel';
    return [{ prefix: match[1]!, name, biasName, bias, matrix: turned ? transposed(matrix) : matrix, turned }];
  });
  const units = instances.flatMap(({ path, weights }) => {
    const of = (name: string): string | undefined => weights.find((each) => each.name === name)?.weight;
    const [W, b] = [of('W'), of('b')];
    return W === undefined || b === undefined || weights.length !== 2 || found.has(W) || found.has(b) ? [] : [{ path, W, b }];
  });
  const fit = (unit: (typeof units)[number], pair: (typeof pairs)[number]): boolean =>
    isSame(shapes.get(unit.W)!, pair.matrix.shape) && isSame(shapes.get(unit.b)!, pair.bias.shape);
  for (const unit of units) {
    const candidates = pairs.filter((pair) => fit(unit, pair) && !used.has(pair.name));
    const named = candidates.filter(({ prefix }) => prefix === unit.path);
    const rivals = units.filter((other) => other !== unit && !found.has(other.W) && candidates.some((pair) => fit(other, pair)));
    const [pair] = named.length === 1 ? named : candidates.length === 1 && rivals.length === 0 ? candidates : [];
    if (pair === undefined) continue;
    const how = `${named.length === 1 ? 'by its name' : 'by its shape, with its bias'}${pair.turned ? ', transposed' : ''}`;
    found.set(unit.W, { tensor: pair.matrix, from: pair.name, how });
    found.set(unit.b, { tensor: pair.bias, from: pair.biasName, how: named.length === 1 ? 'by its name' : 'with its matrix' });
    used.add(pair.name);
    used.add(pair.biasName);
  }
}

/** Matrices that are left go by shape, where there is no choice. Of vectors it says too little. */
function matchShapes(
  shapes: ReadonlyMap<string, readonly number[]>,
  tensors: ReadonlyMap<string, Tensor>,
  found: Map<string, Found>,
  used: Set<string>,
  why: Map<string, string>,
): void {
  const open = [...shapes].filter(([name, shape]) => shape.length > 1 && !found.has(name) && !why.has(name));
  const fits = (shape: readonly number[], tensor: Tensor): 'as it is' | 'transposed' | undefined =>
    isSame(tensor.shape, shape) ? 'as it is' : shape.length === 2 && isSame([...tensor.shape].reverse(), shape) ? 'transposed' : undefined;
  const left = [...tensors].filter(([name]) => !used.has(name));
  for (const [name, shape] of open) {
    const candidates = left.filter(([, tensor]) => fits(shape, tensor) !== undefined);
    if (candidates.length === 0) continue;
    const rivals = open.filter(
      ([other, otherShape]) => other !== name && candidates.some(([, tensor]) => fits(otherShape, tensor) !== undefined),
    );
    const [[from, tensor]] = candidates as [[string, Tensor]];
    if (candidates.length > 1 || rivals.length > 0) {
      const what = candidates.map(([each]) => each).join(', ');
      why.set(
        name,
        `${what} ${candidates.length > 1 ? 'have' : 'has'} its shape${rivals.length > 0 ? `, and so ${rivals.length > 1 ? 'have' : 'has'} ${rivals.map(([each]) => each).join(', ')}` : ''}: rename the tensor to ${name}`,
      );
      continue;
    }
    const turned = fits(shape, tensor) === 'transposed';
    found.set(name, { tensor: turned ? transposed(tensor) : tensor, from, how: turned ? 'by its shape, transposed' : 'by its shape' });
    used.add(from);
  }
}

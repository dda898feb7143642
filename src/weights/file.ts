// A file of weights, whoever wrote it: plain tensors by name, and recurrent layers whose gates were stored in one block, taken apart.

/** Row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type LayerKind = 'lstm' | 'gru' | 'rnn';

/** One direction of one recurrent layer. Gates have our names: f i g o of an LSTM, r z n of a GRU, '' of a plain network. */
export interface StoredLayer {
  readonly kind: LayerKind;
  /** What the file calls it: `encoder.lstm`, layer 1, reverse. Layers of one name are in series. */
  readonly name: string;
  readonly layer: number;
  readonly reverse: boolean;
  readonly gates: readonly {
    readonly gate: string;
    /** [H, I] */
    readonly input: Tensor;
    /** [H, H] */
    readonly recurrent: Tensor;
    /** [H]: with the products of the input, and with those of the state; absent: zero. */
    readonly biases: readonly (Tensor | undefined)[];
  }[];
  /** The tensors of the file that it is made of. */
  readonly from: readonly string[];
  /** Of a GRU: the reset gate acts after the product with the state. */
  readonly resetAfter?: boolean;
}

export interface WeightFile {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly layers: readonly StoredLayer[];
}

/** Why a file of weights is not read. */
export class WeightsError extends Error {
  override name = 'WeightsError';
}

/** Rows from .. from + count of the first dimension. */
export function rows({ shape, data }: Tensor, from: number, count: number): Tensor {
  const inner = shape.slice(1).reduce((product, size) => product * size, 1);
  return { shape: [count, ...shape.slice(1)], data: data.slice(from * inner, (from + count) * inner) };
}

export function transposed({ shape, data }: Tensor): Tensor {
  const [height, width] = shape as [number, number];
  const turned = new Float32Array(data.length);
  for (let row = 0; row < height; row += 1)
    for (let column = 0; column < width; column += 1) turned[column * height + row] = data[row * width + column]!;
  return { shape: [width, height], data: turned };
}

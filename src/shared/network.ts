// A network in an ONNX file that a model's source calls: what the file says of its shapes, and one use of it. Plain data.

/** An input or output of a network, its lengths without the first, which counts examples. `?`: the file does not say it. */
export interface NetworkPort {
  readonly name: string;
  /** `float32`. */
  readonly type: string;
  /** Absent where the file does not say how many dimensions there are. */
  readonly shape?: readonly (number | '?')[];
}

export interface NetworkFacts {
  /** Where the file is: an absolute path. */
  readonly path: string;
  readonly inputs: readonly NetworkPort[];
  readonly outputs: readonly NetworkPort[];
  /** Values inside it whose lengths are told by its file, in its order: they can be asked for like outputs. */
  readonly inner?: readonly NetworkPort[];
}

/** What is made of an input of the model, once for each example. */
export interface NetworkUse {
  readonly path: string;
  /** The network's own input and output. */
  readonly takes: string;
  readonly gives: string;
  /** The input of the model that it is given. */
  readonly of: string;
}

/** The name of the model's input that holds what a network makes: `onnx(mobilenet, image, features)`. */
export const networkInput = ({ path, of, gives }: NetworkUse): string =>
  `onnx(${path
    .split(/[\\/]/)
    .at(-1)!
    .replace(/\.onnx$/i, '')}, ${of}, ${gives})`;

/** What a run keeps beside its sources of a network at this path: its facts, so that the run opens without it. */
export const factsFile = (path: string): string => `${path}.json`;

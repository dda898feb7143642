// The networks that a source calls: `onnx("mobilenet.onnx", image, output: "features")`. Read is what their files say of inputs and outputs.

import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { AstUtils } from 'langium';
import { valueShapes } from '../onnx/file/shapes.ts';
import { describeModel, modelOf, type PortInfo } from '../onnx/operators.ts';
import { factsFile, type NetworkFacts, type NetworkPort } from '../shared/network.ts';
import { type Call, type Expression, type File, isModel } from './generated/ast.ts';
import { besides } from './places.ts';

/** What a file says, or why it says nothing. */
export type Network = NetworkFacts | { readonly fault: string };

/** Of a source, by the paths as they are written there. */
export async function networksOf(tree: File, uri: string): Promise<ReadonlyMap<string, Network>> {
  const found = new Map<string, Network>();
  for (const node of AstUtils.streamAst(tree)) {
    if (node.$type !== 'Call') continue;
    const { callee, arguments: given } = node as Call;
    const file = given[0]?.value;
    if (callee?.$type !== 'Reference' || callee.name !== 'onnx' || file?.$type !== 'StringLiteral' || found.has(file.value)) continue;
    found.set(file.value, await networkAt(besides(uri, file.value), file.value, lengthsOf(node as Call, given[1]?.value)));
  }
  return found;
}

/** The lengths of the model's input that a call names, where they are written as numbers: they tell those that a network leaves open. */
function lengthsOf(call: Call, image: Expression | undefined): readonly number[] | undefined {
  const model = AstUtils.getContainerOfType(call, isModel);
  if (image?.$type !== 'Reference' || model === undefined) return undefined;
  const input = model.inputs.find((each) => each.name === image.name);
  if (input?.$type !== 'ValueInput' || input.type?.$type !== 'TensorType') return undefined;
  const lengths = input.type.dimensions.map((each) => (each.$type === 'NumberLiteral' ? each.value : undefined));
  return lengths.every((length) => length !== undefined) ? lengths : undefined;
}

interface Known {
  readonly changed: string;
  readonly network: Network;
}
const known = new Map<string, Known>();

async function networkAt(path: string, written: string, lengths: readonly number[] | undefined): Promise<Network> {
  const changed = await stat(path).then(
    ({ mtimeMs, size }) => `${mtimeMs} ${size} ${lengths ?? ''}`,
    () => undefined,
  );
  if (changed === undefined) return (await keptAt(path)) ?? { fault: `There is no file ${written}. Paths are relative to this file.` };
  const before = known.get(path);
  if (before?.changed === changed) return before.network;
  const network = await readFile(path).then(
    (bytes) => factsOf(path, bytes, lengths),
    (error: Error) => ({ fault: `${written} cannot be read: ${error.message}` }),
  );
  known.set(path, { changed, network });
  return network;
}

/** A run keeps facts, not the network. */
async function keptAt(path: string): Promise<Network | undefined> {
  const text = await readFile(factsFile(path), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as NetworkFacts);
}

function factsOf(path: string, bytes: Uint8Array, lengths: readonly number[] | undefined): Network {
  try {
    const model = modelOf(bytes);
    const { inputs, outputs } = describeModel(model, bytes.length);
    const shapes = valueShapes(model.graph, lengths === undefined ? undefined : ['?', ...lengths]);
    const given = new Set([...outputs, ...inputs].map(({ name }) => name));
    const inner = model.graph.node
      .flatMap(({ output }) => output)
      .flatMap((name): NetworkPort[] => {
        const shape = shapes.get(name)?.slice(1);
        return given.has(name) || shape === undefined || shape.length === 0 || shape.includes('?')
          ? []
          : [{ name, type: 'float32', shape }];
      });
    // What the rules tell is more than what a file states of its outputs.
    const stated = outputs.map(portOf).map((port) => {
      const shape = shapes.get(port.name)?.slice(1);
      return port.shape?.includes('?') === false || shape === undefined || shape.includes('?') ? port : { ...port, shape };
    });
    return { path, inputs: inputs.map(portOf), outputs: stated, inner };
  } catch (error) {
    return { fault: `${basename(path)}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function portOf({ name, type, shape }: PortInfo): NetworkPort {
  const own = shape?.slice(1).map((size) => (typeof size === 'number' && size > 0 ? size : '?'));
  return { name, type, ...(own === undefined ? {} : { shape: own }) };
}

// The networks that a source calls: `onnx("mobilenet.onnx", image, output: "features")`. Read is what their files say of inputs and outputs.

import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { AstUtils } from 'langium';
import { modelInfo, type PortInfo } from '../onnx/operators.ts';
import { factsFile, type NetworkFacts, type NetworkPort } from '../shared/network.ts';
import type { Call, File } from './generated/ast.ts';
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
    found.set(file.value, await networkAt(besides(uri, file.value), file.value));
  }
  return found;
}

interface Known {
  readonly changed: string;
  readonly network: Network;
}
const known = new Map<string, Known>();

async function networkAt(path: string, written: string): Promise<Network> {
  const changed = await stat(path).then(
    ({ mtimeMs, size }) => `${mtimeMs} ${size}`,
    () => undefined,
  );
  if (changed === undefined) return (await keptAt(path)) ?? { fault: `There is no file ${written}. Paths are relative to this file.` };
  const before = known.get(path);
  if (before?.changed === changed) return before.network;
  const network = await readFile(path).then(
    (bytes) => factsOf(path, bytes),
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

function factsOf(path: string, bytes: Uint8Array): Network {
  try {
    const { inputs, outputs } = modelInfo(bytes);
    return { path, inputs: inputs.map(portOf), outputs: outputs.map(portOf) };
  } catch (error) {
    return { fault: `${basename(path)}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function portOf({ name, type, shape }: PortInfo): NetworkPort {
  const own = shape?.slice(1).map((size) => (typeof size === 'number' && size > 0 ? size : '?'));
  return { name, type, ...(own === undefined ? {} : { shape: own }) };
}

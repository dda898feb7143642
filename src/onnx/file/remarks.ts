// What is to be said of a model that was read: what breaks ONNX's rules, and what will not be read or run.

import type { ModelProto, TensorProto } from '../proto.ts';
import { listed, quoted } from './error.ts';
import type { ExternalFiles } from './external.ts';
import { externalPlace, tooShort } from './external.ts';
import { domainOf, type OperatorKind, operatorKind } from './known.ts';
import { type ModelGraph, nodeLabel, type Structure } from './structure.ts';
import { claimOf, isExternal } from './tensors.ts';

export interface Remarks {
  /** What breaks ONNX's rules, so that onnxruntime will refuse the model. */
  readonly faults: readonly string[];
  /** What the reader should know: the faults first. Sentences. */
  readonly remarks: readonly string[];
}

/** How often an operator occurs, bodies and functions included. */
export interface OperatorUse {
  /** '' is ONNX's own. */
  readonly domain: string;
  readonly name: string;
  readonly count: number;
  /** 'function': the model has it as a function. */
  readonly kind: OperatorKind | 'function';
}

/** Of all graphs, by domain and name. */
export function operatorUses({ graphs }: Structure): OperatorUse[] {
  const uses = new Map<string, { domain: string; name: string; count: number; kind: OperatorUse['kind'] }>();
  for (const { nodes } of graphs)
    for (const { proto, calls } of nodes) {
      const domain = domainOf(proto.domain);
      const key = JSON.stringify([domain, proto.op_type]);
      const use = uses.get(key) ?? { domain, name: proto.op_type, count: 0, kind: operatorKind(domain, proto.op_type) };
      use.count += 1;
      if (calls !== undefined) use.kind = 'function';
      uses.set(key, use);
    }
  const order = (a: OperatorUse, b: OperatorUse): number => compare(a.domain, b.domain) || compare(a.name, b.name);
  return [...uses.values()].sort(order);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A tensor of the model, and where it stands: `W`, `W of If "cond" then_branch`, `value of Constant "c"`. */
export interface PlacedTensor {
  readonly tensor: TensorProto;
  readonly place: string;
}

/** Initialisers and tensors in attributes, of all graphs. */
export function* tensorsOf({ graphs }: Structure): Generator<PlacedTensor> {
  for (const graph of graphs) {
    const within = graph.path === '' ? '' : ` of ${graph.path}`;
    if ('initializer' in graph.proto)
      for (const tensor of graph.proto.initializer) yield { tensor, place: `${quoted(tensor.name ?? '')}${within}` };
    for (const node of graph.nodes)
      for (const { name, t, tensors } of node.proto.attribute)
        for (const tensor of t === undefined ? (tensors ?? []) : [t, ...(tensors ?? [])])
          yield { tensor, place: `${quoted(name)} of ${nodeLabel(node)}${within}` };
  }
}

/** Files beside the model are looked for, and not read. */
export async function remarksOf(model: ModelProto, structure: Structure, external: ExternalFiles): Promise<Remarks> {
  const faults = [...headFaults(model, structure), ...structure.graphs.flatMap(graphFaults), ...callFaults(structure)];
  const tensors = await tensorRemarks(structure, external);
  const uses = operatorUses(structure);
  const unknown = uses.filter(({ kind }) => kind === 'unknown').map(({ domain, name }) => (domain === '' ? name : `${domain}.${name}`));
  const sparse = structure.graphs.flatMap(({ proto }) => ('initializer' in proto ? (proto.sparse_initializer ?? []) : []));
  const unordered = structure.graphs.filter(({ ordered, cycles }) => !ordered && cycles.length === 0).map(placeOf);
  const remarks = [
    ...(structure.main.nodes.length === 0 ? ['The graph has no nodes.'] : []),
    ...tensors,
    ...(unknown.length === 0
      ? []
      : [
          `Neither ONNX nor onnxruntime has ${listed(unknown, 8)}: nothing can be said of what ${unknown.length === 1 ? 'it computes' : 'they compute'}.`,
        ]),
    ...(unordered.length === 0
      ? []
      : [`The nodes of ${listed(unordered)} are not in an order that they can run in; they are shown in one.`]),
    ...(sparse.length === 0 ? [] : [`Sparse initialisers are not read: ${listed(sparse.map(({ values }) => values?.name ?? ''))}.`]),
    ...((model.training_info ?? []).length === 0 ? [] : ['What the file says of training (training_info) is not read.']),
  ];
  return { faults, remarks: [...faults, ...remarks] };
}

const placeOf = ({ path }: ModelGraph): string => (path === '' ? 'the graph' : path);

function headFaults(model: ModelProto, { graphs }: Structure): string[] {
  const faults: string[] = [];
  if (model.ir_version === 0) faults.push('The file does not say the version of its format (ir_version).');
  const versions = (list: ModelProto['opset_import']): ReadonlySet<string> => new Set(list.map(({ domain }) => domainOf(domain)));
  const own = versions(model.opset_import);
  const absent = new Set<string>();
  for (const graph of graphs) {
    let outer = graph;
    while (outer.parent !== undefined) outer = outer.parent;
    const given = 'opset_import' in outer.proto ? versions(outer.proto.opset_import ?? []) : undefined;
    for (const { proto } of graph.nodes) {
      const domain = domainOf(proto.domain);
      if (!own.has(domain) && given?.has(domain) !== true) absent.add(domain === '' ? 'ai.onnx' : domain);
    }
  }
  if (absent.size > 0)
    faults.push(`The file does not say which version it uses of the operators of ${listed([...absent])} (opset_import).`);
  return faults;
}

function graphFaults(graph: ModelGraph): string[] {
  const where = graph.path === '' ? '' : `${graph.path}: `;
  const faults: string[] = [];
  for (const cycle of graph.cycles)
    faults.push(
      cycle.length === 1
        ? `${where}${nodeLabel(cycle[0]!)} reads its own output.`
        : `${where}${cycle.length} nodes wait for each other: ${listed(cycle.map(nodeLabel), 6)}.`,
    );
  const { duplicates, missing } = graph;
  for (const { name, nodes } of duplicates.slice(0, 3))
    faults.push(`${where}${quoted(name)} is made more than once${nodes.length === 0 ? '' : `, by ${listed(nodes.map(nodeLabel))}`}.`);
  if (duplicates.length > 3) faults.push(`${where}${duplicates.length - 3} other names are made more than once.`);
  if (missing.length > 0) {
    const names = [...new Set(missing.map(({ name }) => name))];
    const node = missing[0]!.node;
    const reader = node === undefined ? 'the outputs' : nodeLabel(node);
    faults.push(`${where}Nothing makes ${listed(names)}, read by ${reader}${missing.length > 1 ? ' and others' : ''}.`);
  }
  return faults;
}

/** Functions that call themselves, by whatever way. */
function callFaults({ functions }: Structure): string[] {
  const callers = new Map<ModelGraph, ModelGraph[]>();
  const open = new Map<ModelGraph, number>();
  for (const graph of functions.values()) {
    const called = calledBy(graph);
    open.set(graph, called.size);
    for (const each of called) {
      const list = callers.get(each);
      if (list === undefined) callers.set(each, [graph]);
      else list.push(graph);
    }
  }
  // Taken away is what calls nothing that is left: what stays is on a cycle, or leads to one.
  const free = [...open.keys()].filter((graph) => open.get(graph) === 0);
  for (let graph = free.pop(); graph !== undefined; graph = free.pop()) {
    open.delete(graph);
    for (const caller of callers.get(graph) ?? []) {
      const left = open.get(caller)! - 1;
      open.set(caller, left);
      if (left === 0) free.push(caller);
    }
  }
  return open.size === 0
    ? []
    : [`Functions call themselves: ${listed([...open.keys()].map(({ path }) => path.replace(/^function /, '')))}.`];
}

/** The functions that a graph's nodes call, those of its bodies too. */
function calledBy(graph: ModelGraph): Set<ModelGraph> {
  const found = new Set<ModelGraph>();
  const waiting = [graph];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop())
    for (const { bodies, calls } of next.nodes) {
      for (const body of bodies) waiting.push(body);
      if (calls !== undefined) found.add(calls);
    }
  return found;
}

async function tensorRemarks(structure: Structure, external: ExternalFiles): Promise<string[]> {
  const wrong: string[] = [];
  /** Places, by what is wrong. */
  const grouped = new Map<string, string[]>();
  const add = (what: string, place: string): void => {
    const places = grouped.get(what);
    if (places === undefined) grouped.set(what, [place]);
    else places.push(place);
  };
  for (const { tensor, place } of tensorsOf(structure)) {
    const claim = claimOf(tensor);
    if (typeof claim === 'string') {
      const unsupported = /, which is not supported$/.test(claim);
      if (unsupported) add(claim.replace(/^(is|has) /, ''), place);
      else wrong.push(`${place} ${claim}.`);
      continue;
    }
    if (!isExternal(tensor)) continue;
    const at = externalPlace(tensor.external_data ?? []);
    if (typeof at === 'string') {
      wrong.push(`${place} ${at}.`);
      continue;
    }
    const file = await external.file(at.location);
    if (file.fault !== undefined) add(file.fault, place);
    else if (at.length !== undefined && at.length !== claim.bytes)
      wrong.push(`${place} ${lengthFault(at.length, claim.bytes, at.location)}.`);
    else if (at.offset + claim.bytes > file.bytes) wrong.push(tooShort(place, file, at.offset, claim.bytes));
  }
  return [
    ...Array.from(grouped, ([what, places]) =>
      what.endsWith('supported') ? `Values are not read of ${listed(places)}: ${what}.` : `The model keeps ${listed(places)} in ${what}`,
    ),
    ...wrong.slice(0, 5),
    ...(wrong.length > 5 ? [`${wrong.length - 5} other tensors are wrong too.`] : []),
  ];
}

export const lengthFault = (length: number, bytes: number, location: string): string =>
  `has ${length} bytes in ${quoted(location)} instead of ${bytes}`;

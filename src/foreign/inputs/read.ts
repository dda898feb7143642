// From a person's choices to the tensors that a model wants: files first, since they say how large the free dimensions are; then what is generated.

import { basename } from 'node:path';
import type { Reading } from '../../data/text-stream.ts';
import type { Tensor } from '../../runtime/runtime.ts';
import type { FileChoice, InputChoices } from '../../shared/inputs.ts';
import { arrayElements, arrayFor, openArrays } from './array-files.ts';
import { withFile } from './bytes.ts';
import { type Element, elementOf, elementsIn } from './elements.ts';
import { badFile, noChoice, oneForMany, shapeText } from './errors.ts';
import { fitted, misfit, noteSizes } from './fit.ts';
import type { Asked, Found } from './found.ts';
import { waveElements } from './frames.ts';
import { generate } from './generated.ts';
import { imageElements } from './image.ts';
import { type FileKind, kindOf } from './kinds.ts';
import { isRecords, nestedElements, partFor, readJson } from './nested.ts';
import { checkChoices, choiceOf, dimensionKey, isBatch, type Port, Sizes } from './ports.ts';
import { beginsWithNumbers, numberLines, recordRows, tableElements } from './table.ts';
import { textElements } from './text.ts';

/** A tensor as the model wants it; where it is streamed, one after the other. */
export interface ModelInput extends Tensor {
  /** How many tensors of `dims` stand in `data`, each for a call of the model; absent where there is one, and no stream. */
  readonly calls?: number;
}

export interface ReadInputs {
  readonly inputs: Readonly<Record<string, ModelInput>>;
  /** The sizes that free dimensions got. */
  readonly dimensions: Readonly<Record<string, number>>;
  /** What was done that a person might not expect. */
  readonly remarks: readonly string[];
}

/** Reads and generates all inputs. Throws InputError, which says what to change, and the signal's reason. */
export async function readInputs(ports: readonly Port[], choices: InputChoices, reading: Reading = {}): Promise<ReadInputs> {
  checkChoices(ports, choices);
  const sizes = new Sizes(ports, choices.dimensions);
  const chosen = ports.map((port) => ({ port, element: elementOf(port), choice: choiceOf(port, choices) }));
  const open = chosen.filter(({ choice }) => choice === undefined);
  if (open.length > 0) throw noChoice(open.map(({ port }) => port.name));
  const inputs = new Map<string, ModelInput>();
  const remarks: string[] = [];
  const groups = Map.groupBy(
    chosen.filter(({ choice }) => choice?.kind === 'file').map((each) => ({ ...each, choice: each.choice as FileChoice })),
    ({ choice }) => choice.path,
  );
  for (const [path, group] of groups) {
    reading.signal?.throwIfAborted();
    const asked = group.map((each) => ({ ...each, sizes, reading }));
    const { found, remark } = await readFile(path, asked);
    if (remark !== undefined) remarks.push(remark);
    asked.forEach(({ port, element, choice }, k) => {
      remarks.push(...(found[k]!.remarks ?? []));
      inputs.set(port.name, placed(port, element, choice, found[k]!, sizes, remarks));
    });
  }
  for (const { port, element, choice } of chosen) {
    if (choice === undefined || choice.kind === 'file') continue;
    inputs.set(port.name, { type: element.name, ...generate(port, element, choice, sizes) });
  }
  return {
    // In the order of the model.
    inputs: Object.fromEntries(ports.map(({ name }) => [name, inputs.get(name)!])),
    dimensions: sizes.all(),
    remarks: [...remarks, ...sizes.remarks],
  };
}

/** What a file holds for each of the inputs that take it. */
async function readFile(path: string, asked: readonly Asked[]): Promise<{ found: readonly Found[]; remark?: string }> {
  const { kind, remark } = await withFile(path, kindOf);
  const found = await readers[kind](path, asked);
  return { found, ...(remark === undefined ? {} : { remark }) };
}

type ReadFile = (path: string, asked: readonly Asked[]) => Promise<readonly Found[]>;

const readers: Readonly<Record<FileKind, ReadFile>> = {
  npy: readArrayFile,
  npz: readArrayFile,
  json: readJsonFile,
  table: one(tableElements),
  wave: one(waveElements),
  image: one(imageElements),
  text: one(async (asked) => {
    if (asked.choice.vocabulary !== undefined) return textElements(asked);
    return (await beginsWithNumbers(asked.choice.path)) ? numberLines(asked) : textElements(asked);
  }),
};

/** Of files that hold one array: columns of one table may be different inputs. */
function one(read: (asked: Asked) => Promise<Found>): ReadFile {
  return async (path, asked) => {
    const plain = asked.filter(({ choice }) => choice.columns === undefined && choice.channel === undefined);
    if (plain.length > 1)
      throw oneForMany(
        path,
        plain.map(({ port }) => port.name),
      );
    const found: Found[] = [];
    for (const each of asked) found.push(await read(each));
    return found;
  };
}

async function readArrayFile(path: string, asked: readonly Asked[]): Promise<readonly Found[]> {
  const ports = asked.map(({ port }) => port.name);
  const names = new Map<Asked, string>();
  const { reading } = asked[0]!;
  const nameFor = (each: Asked, all: readonly string[]): string => {
    const name = names.get(each) ?? arrayFor(path, each, all, ports);
    names.set(each, name);
    return name;
  };
  const opened = await openArrays(path, reading, (name, all) => asked.some((each) => nameFor(each, all) === name));
  if (
    opened.names.length === 1 &&
    asked.length > 1 &&
    asked.every(({ choice }) => choice.array === undefined) &&
    !ports.includes(opened.names[0]!)
  )
    throw oneForMany(path, ports);
  const found: Found[] = [];
  for (const each of asked) {
    // A .npy file has one array, whatever it is called.
    const name = opened.names.length === 1 && each.choice.array === undefined ? opened.names[0]! : nameFor(each, opened.names);
    found.push(await arrayElements(each, name, opened.arrays.get(name)!));
  }
  return found;
}

async function readJsonFile(path: string, asked: readonly Asked[]): Promise<readonly Found[]> {
  const value = await readJson(path, asked[0]!.reading);
  const ports = asked.map(({ port }) => port.name);
  if (Array.isArray(value) && asked.length > 1 && asked.some(({ choice }) => choice.columns === undefined)) throw oneForMany(path, ports);
  return asked.map((each) => {
    const { part, name } = partFor(value, each, ports);
    return nestedElements(each, isRecords(part) ? recordRows(path, part, each.choice) : part, name);
  });
}

/** The elements in the shape of the input. Throws InputError where they do not fit. */
function placed(port: Port, element: Element, choice: FileChoice, found: Found, sizes: Sizes, remarks: string[]): ModelInput {
  const { dims, data, what } = found;
  if (elementsIn(dims) === 0 && !(port.shape ?? []).includes(0))
    throw badFile(choice.path, `${what} is ${shapeText(dims)}: there is nothing in it for ${port.name}.`);
  const type = element.name;
  const asCalls = (): ModelInput | undefined => {
    const part = dims.length === 0 ? undefined : fitted(port, dims.slice(1), sizes);
    if (part === undefined) return undefined;
    noteSizes(port, part.dims, sizes);
    return { type, dims: part.dims, data, calls: dims[0]! };
  };
  if (choice.stream === true) {
    const streamed = asCalls();
    if (streamed === undefined)
      throw misfit(
        port,
        `a part of ${what}`,
        dims.slice(1),
        sizes,
        `It is fed a part a call, along its first axis of ${dims[0] ?? 0}. ${found.hint ?? 'Each part is to fit the input.'}`,
      );
    return streamed;
  }
  const whole = fitted(port, dims, sizes);
  const isBatched = whole !== undefined && found.isSequence === true && choice.frame !== undefined && landsOnBatch(port, whole.axes[0]!);
  if (whole === undefined || isBatched) {
    const streamed = found.isSequence === true ? asCalls() : undefined;
    if (streamed !== undefined) {
      remarks.push(
        `${basename(choice.path)} is fed in ${streamed.calls!.toLocaleString('en-US')} calls, each with ${shapeText(streamed.dims)} for ${port.name}.`,
      );
      return streamed;
    }
    if (whole === undefined) throw misfit(port, what, dims, sizes, found.hint);
  }
  noteSizes(port, whole.dims, sizes);
  return { type, dims: whole.dims, data };
}

/** Frames follow each other in time: they are no batch. */
const landsOnBatch = (port: Port, axis: number): boolean => {
  const key = axis < 0 ? undefined : dimensionKey(port, axis);
  return key !== undefined && isBatch(key);
};

// The inputs of a model, and the sizes of their dimensions that the model leaves open.

import type { PortInfo } from '../../onnx/operators.ts';
import type { InputChoice, InputChoices } from '../../shared/inputs.ts';
import { badSize, noInput, openRank, openSize, unknownChoice } from './errors.ts';

export type Port = PortInfo;

/** A dimension whose size has to be said, once for all inputs that share it. */
export interface FreeDimension {
  /** Its name in `InputChoices.dimensions`. */
  readonly key: string;
  readonly uses: readonly { readonly input: string; readonly axis: number }[];
  /** 1 for what is called like a batch. */
  readonly suggestion?: number;
}

/** What has to be asked: the free dimensions that neither a choice nor a file decides. Without choices, all. */
export function freeDimensions(ports: readonly Port[], choices: InputChoices = {}): FreeDimension[] {
  const fromFiles = new Set(ports.filter((port) => choiceOf(port, choices)?.kind === 'file').flatMap(keysOf));
  const found = new Map<string, { input: string; axis: number }[]>();
  const ask = (key: string, use: { input: string; axis: number }): void => {
    if (choices.dimensions?.[key] !== undefined || fromFiles.has(key)) return;
    const uses = found.get(key) ?? [];
    found.set(key, [...uses, use]);
  };
  for (const port of ports) {
    if (choiceOf(port, choices)?.kind === 'file') continue;
    for (const [axis] of (port.shape ?? []).entries()) {
      const key = dimensionKey(port, axis);
      if (key !== undefined) ask(key, { input: port.name, axis });
    }
  }
  return [...found].map(([key, uses]) => ({ key, uses, ...(isBatch(key) ? { suggestion: 1 } : {}) }));
}

export const choiceOf = ({ name }: Pick<Port, 'name'>, choices: InputChoices): InputChoice | undefined =>
  choices.inputs !== undefined && Object.hasOwn(choices.inputs, name) ? choices.inputs[name] : choices.all;

/** What a free dimension is called: its name, or `input[axis]` where exporters wrote only that it is unknown; undefined of a fixed one. */
export function dimensionKey(port: Port, axis: number): string | undefined {
  const dim = port.shape?.[axis];
  if (dim === undefined) return undefined;
  if (typeof dim === 'number') return dim >= 0 ? undefined : `${port.name}[${axis}]`;
  return UNNAMED.test(dim) ? `${port.name}[${axis}]` : dim;
}

const UNNAMED = /^\s*(\?|none|null|unknown|-\d+|)\s*$/i;

export const isBatch = (name: string): boolean => /^(b|n|bs|bsz|.*batch.*)$/i.test(name);

const keysOf = (port: Port): string[] => (port.shape ?? []).flatMap((_, axis) => dimensionKey(port, axis) ?? []);

/** The sizes of free dimensions, as they were said and as files have them. */
export class Sizes {
  readonly #said: ReadonlyMap<string, number>;
  readonly #found = new Map<string, number>();

  /** Throws InputError where a size is no whole number from 1, or names nothing. */
  constructor(ports: readonly Port[], said: Readonly<Record<string, number>> = {}) {
    for (const [key, size] of Object.entries(said)) if (!Number.isSafeInteger(size) || size < 1) throw badSize(key, size);
    this.#said = new Map(Object.entries(said));
    this.#named = new Set(ports.flatMap(keysOf));
  }

  readonly #named: ReadonlySet<string>;

  /** What a person said. */
  said(key: string): number | undefined {
    return this.#said.get(key);
  }

  /** What a file has for an input; the first of several counts, and a model may bear that others differ. */
  found(key: string, size: number, input: string): void {
    const before = this.#found.get(key);
    if (before === undefined) this.#found.set(key, size);
    else if (before !== size)
      this.#remarks.push(`${key} is ${size} for ${input}, and ${before} for another input: the model calls both by one name.`);
  }

  readonly #remarks: string[] = [];
  get remarks(): readonly string[] {
    return this.#remarks;
  }

  sizeOf(key: string): number | undefined {
    return this.#said.get(key) ?? this.#found.get(key);
  }

  /** The size of a dimension that a choice names. Throws InputError. */
  known(key: string): number {
    const size = this.sizeOf(key);
    if (size === undefined) throw openSize(key, this.#named.has(key) ? ['no file has it'] : ['no input has it']);
    return size;
  }

  all(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#found, ...this.#said]);
  }

  /** The dims of an input that is generated. Throws InputError where a size is open. */
  dimsOf(port: Port): number[] {
    if (port.shape === undefined) return this.#saidAxes(port);
    return port.shape.map((dim, axis) => {
      const key = dimensionKey(port, axis);
      if (key === undefined) return dim as number;
      const size = this.sizeOf(key);
      if (size === undefined) throw openSize(key, [`axis ${axis} of ${port.name}`]);
      return size;
    });
  }

  /** Where not even the rank is known: `x[0]`, `x[1]`, ... as they were said. */
  #saidAxes({ name }: Port): number[] {
    const dims: number[] = [];
    for (let size = this.said(`${name}[0]`); size !== undefined; size = this.said(`${name}[${dims.length}]`)) dims.push(size);
    if (dims.length === 0) throw openRank(name);
    return dims;
  }
}

/** Throws InputError where a choice names an input that the model lacks, or is none: choices may have been written by hand. */
export function checkChoices(ports: readonly Port[], choices: InputChoices): void {
  const names = ports.map(({ name }) => name);
  for (const name of Object.keys(choices.inputs ?? {})) if (!names.includes(name)) throw noInput(name, names);
  for (const [name, choice] of [...Object.entries(choices.inputs ?? {}), ['all inputs', choices.all] as const]) {
    if (choice === undefined) continue;
    if (!KINDS.has(choice.kind)) throw unknownChoice(name, choice.kind, [...KINDS]);
    if (choice.kind === 'file' && typeof choice.path !== 'string') throw unknownChoice(name, 'a file without a path', [...KINDS]);
  }
}

const KINDS: ReadonlySet<string> = new Set(['file', 'zeros', 'constant', 'ramp', 'size', 'random'] satisfies InputChoice['kind'][]);

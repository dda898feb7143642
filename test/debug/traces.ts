// Traces made from source text and a formula: what a traced model looks like, without training one.

import type { LineRole, SourceRange } from '../../src/shared/source.ts';
import {
  type Address,
  addressText,
  type InstanceDescription,
  type Objective,
  type ReadRequest,
  type Trace,
  type TraceDescription,
} from '../../src/shared/trace.ts';
import { trajectory } from '../../src/tracing/trajectory.ts';

export interface Made {
  /** Called as `path = cell`, in order: `h = lstm` or, for layers, `h[0] = lstm`; `<` in front of the cell runs it in reverse; `!` means
   *  that it does not run itself (`bidirectional`); `^` that it stands in the line of the call that its path names, as an argument. */
  readonly calls: readonly string[];
  readonly size?: number;
  /** Lines of the model, or of others, that have one value a sequence: `path/line`. */
  readonly once?: readonly string[];
}

/** The description of the one model in a file. Every line is [size]. */
export const described = (
  source: string,
  steps: number,
  { calls, size = 4, once = [] }: Made,
  uri = 'file:///m/model.rnn',
): TraceDescription => {
  const definitions = definitionsIn(source, uri);
  const model = definitions.find(({ kind }) => kind === 'model')!;
  const instances: InstanceDescription[] = [instanceOf(model, '', undefined, [], { runs: false, reverse: false }, size, once)];
  for (const call of calls) {
    const [path, written] = call.split(/\s*=\s*/) as [string, string];
    const cell = written.replace(/^[<!^]/, '');
    const definition = definitions.find(({ name }) => name === cell);
    if (!definition) throw new Error(`no cell ${cell}`);
    const around = path.slice(0, Math.max(0, path.lastIndexOf('.')));
    const parent = written.startsWith('^') ? around.slice(0, Math.max(0, around.lastIndexOf('.'))) : around;
    const flags = { runs: !written.startsWith('!'), reverse: written.startsWith('<') };
    instances.push(instanceOf(definition, path, parent, definition.states, flags, size, once));
  }
  return {
    id: 1,
    model: model.name,
    title: `${model.name} · a formula`,
    steps,
    tokens: Array.from({ length: steps }, (_, t) => 'recurrent '[t % 10]!),
    by: 'char',
    classes: ['a', 'b', 'c', 'd', 'e'],
    vocabularies: { Char: ['a', 'b', 'c', 'd', 'e'] },
    instances,
    parity: 0,
    objective: { kind: 'loss' },
  };
};

/** The same with some instances and lines (by their addresses) along another sequence, of so many steps: tokens `0`, `1`, ... */
export const withBeside = (trace: TraceDescription, name: string, steps: number, along: readonly string[]): TraceDescription => {
  const marked = (address: Address): { readonly along?: string } =>
    along.includes(address.instance) || along.includes(addressText(address)) ? { along: name } : {};
  return {
    ...trace,
    time: 'T',
    beside: { [name]: { steps, tokens: Array.from({ length: steps }, (_, t) => String(t)), by: 'word' } },
    instances: trace.instances.map((instance) => {
      const { path } = instance;
      const of = <Each extends { readonly name: string }>(each: Each): Each => ({
        ...each,
        ...marked({ instance: path, line: each.name }),
      });
      return { ...instance, lines: instance.lines.map(of), states: instance.states.map(of), inputs: instance.inputs.map(of) };
    }),
  };
};

interface Definition {
  readonly kind: 'cell' | 'model';
  readonly name: string;
  readonly inputs: readonly string[];
  readonly states: readonly string[];
  readonly range: SourceRange;
  readonly lines: readonly { readonly name: string; readonly text: string; readonly comment?: string; readonly range: SourceRange }[];
}

const definitionsIn = (source: string, uri: string): readonly Definition[] => {
  const rows = source.split('\n');
  const definitions: Definition[] = [];
  rows.forEach((row, line) => {
    const head = /^\s*(cell|model) (\w+)\((.*)\)/.exec(row);
    if (!head) return;
    const end = rows.findIndex((other, index) => index >= line && /^\s*\}/.test(other));
    const states = rows.slice(line, end).flatMap((other) => /^\s*state ([\w, ]+):/.exec(other)?.[1]?.split(/,\s*/) ?? []);
    const lines = rows.slice(line + 1, end).flatMap((other, index) => {
      const match = /^(\s*)(\w+'?)(\s*= )(.*?)(\s*\/\/ (.*))?$/.exec(other);
      if (!match) return [];
      const start = match[1]!.length;
      const width = match[2]!.length + match[3]!.length + match[4]!.length;
      const range = { uri, start: { line: line + 1 + index, column: start }, end: { line: line + 1 + index, column: start + width } };
      return [{ name: match[2]!, text: match[4]!, range, ...(match[6] !== undefined && { comment: match[6] }) }];
    });
    definitions.push({
      kind: head[1] as 'cell' | 'model',
      name: head[2]!,
      inputs: [...head[3]!.matchAll(/(?<!size )\b([a-z]\w*)\s*:/g)].map((match) => match[1]!),
      states,
      range: { uri, start: { line, column: 0 }, end: { line: end, column: 1 } },
      lines,
    });
  });
  return definitions;
};

const roleOf = (text: string, name: string): LineRole =>
  /^sigmoid/.test(text)
    ? 'gate'
    : /^tanh/.test(text)
      ? 'candidate'
      : name.endsWith("'")
        ? 'state'
        : name === 'logits'
          ? 'scores'
          : name === 'loss'
            ? 'loss'
            : 'value';

const instanceOf = (
  definition: Definition,
  path: string,
  parent: string | undefined,
  states: readonly string[],
  flags: { readonly runs: boolean; readonly reverse: boolean },
  size: number,
  once: readonly string[],
): InstanceDescription => ({
  path,
  cell: definition.name,
  definition: definition.range,
  ...(parent !== undefined && { parent }),
  ...flags,
  lines: definition.lines.map((line) => ({
    name: line.name,
    role: roleOf(line.text, line.name),
    shape: line.name === 'loss' ? [] : [size],
    dimensions: line.name === 'loss' ? [] : ['H'],
    perStep: !once.includes(addressText({ instance: path, line: line.name })),
    range: line.range,
    text: line.text,
    ...(line.comment !== undefined && { comment: line.comment }),
  })),
  states: states.map((name) => ({ name, shape: [size] })),
  inputs: definition.inputs.map((name) => ({
    name,
    shape: parent === undefined ? [] : [size],
    perStep: true,
    integer: parent === undefined,
    ...(parent === undefined && { classes: 'Char' }),
  })),
  weights: parent === undefined || states.length === 0 ? [] : [{ name: 'W_f', weight: `${path}.W_f`, shape: [size, size] }],
});

/** What a value is at (line, t, unit). */
export type Formula = (address: Address, t: number, unit: number) => number;

/** Gates lie between 0 and 1, the rest between −1 and 1, and everything differs with line, timestep and unit. */
export const waves: Formula = ({ instance, line }, t, unit) => {
  const seed = [...`${instance}${line}`].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  const wave = Math.sin(seed + 0.37 * t + 0.61 * unit);
  return /^[fiorz]$/.test(line) ? (wave + 1) / 2 : wave;
};

/** A trace whose numbers come from a formula. Counts what it was asked for; `fail` makes every later request fail. */
export class FormulaTrace implements Trace {
  readonly description: TraceDescription;
  readonly requests: ReadRequest[] = [];
  fail: Error | undefined;
  closed = false;
  readonly #formula: Formula;

  constructor(description: TraceDescription, formula: Formula = waves) {
    this.description = description;
    this.#formula = formula;
  }

  async read(request: ReadRequest): Promise<readonly Float32Array[]> {
    if (this.fail) throw this.fail;
    this.requests.push(request);
    return request.addresses.map((address) => {
      const { shape, perStep } = this.#find(address);
      const size = shape.reduce((product, length) => product * length, 1);
      const [from, to] = perStep ? [request.from, request.to] : [0, 1];
      const values = new Float32Array((to - from) * size);
      for (let t = from; t < to; t++)
        for (let unit = 0; unit < size; unit++)
          values[(t - from) * size + unit] = request.gradient
            ? 0.8 ** (this.description.steps - 1 - t) * this.#formula(address, t, unit) +
              (this.#objective.kind === 'lossAt' ? this.#objective.t : 0)
            : this.#formula(address, t, unit);
      return values;
    });
  }

  async summary(kind: Parameters<Trace['summary']>[0]): Promise<Float32Array> {
    const { steps } = this.description;
    if (kind.kind === 'surprise') return new Float32Array(steps).fill(1);
    if (kind.kind === 'trajectory') return trajectory((request) => this.read(request), kind.addresses, steps);
    const [values] = await this.read({ addresses: [kind.address], from: 0, to: steps, gradient: kind.kind === 'norm' && kind.gradient });
    const size = values!.length / steps;
    return Float32Array.from({ length: steps }, (_, t) => {
      const units = values!.subarray(t * size, (t + 1) * size);
      if (kind.kind === 'mean') return units.reduce((sum, value) => sum + value, 0) / size;
      if (kind.kind === 'norm') return Math.hypot(...units);
      return units.filter((value) => (kind.side === 'below' ? value < 0.1 : value > 0.9)).length / size;
    });
  }

  async weight(name: string): Promise<{ readonly shape: readonly number[]; readonly data: Float32Array }> {
    for (const { weights } of this.description.instances) {
      const weight = weights.find((other) => other.weight === name);
      if (weight) {
        const size = weight.shape.reduce((product, length) => product * length, 1);
        return { shape: weight.shape, data: Float32Array.from({ length: size }, (_, k) => k / size) };
      }
    }
    throw new Error(`no weight ${name}`);
  }

  /** What the gradients are of; its timestep is added to each. */
  #objective: Objective = { kind: 'loss' };

  async differentiate(objective: Objective): Promise<void> {
    this.#objective = objective;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  #find({ instance, line }: Address): { readonly shape: readonly number[]; readonly perStep: boolean } {
    const found = this.description.instances.find(({ path }) => path === instance);
    const state = found?.states.find(({ name }) => name === line);
    const value = found?.lines.find(({ name }) => name === line) ?? found?.inputs.find(({ name }) => name === line);
    if (value) return value;
    if (state) return { ...state, perStep: true };
    throw new Error(`no value ${addressText({ instance, line })}`);
  }
}

// Traces by formula: cells that are driven by a text through seeded numbers, stepped as their equations say, so that every identity holds in them.

import { type Random, random } from '../../../src/shared/random.ts';
import type { LineRole } from '../../../src/shared/source.ts';
import type {
  InstanceDescription,
  LineDescription,
  Objective,
  ReadRequest,
  SummaryKind,
  Trace,
  TraceDescription,
} from '../../../src/shared/trace.ts';
import { trajectory } from '../../../src/tracing/trajectory.ts';

export interface FormulaOptions {
  readonly cell: keyof typeof CELLS;
  readonly units: number;
  readonly text: string;
  readonly seed: number;
  readonly objective?: Objective;
  readonly words?: boolean;
  /** From this timestep on, one unit's state is no number. */
  readonly fault?: { readonly t: number; readonly unit: number };
  /** As of a model of others: parity by part. */
  readonly parts?: TraceDescription['parts'];
  readonly idle?: TraceDescription['idle'];
  /** Waits before each answer, in milliseconds: for the state of loading. */
  readonly delay?: number;
}

const SENTENCES = [
  'First the keeper of the tower, called Anselm, lit the lamp (as he did each night), and waited.',
  'Nobody came; the sea was quiet, the harbour empty, and the letter that Maria had written lay unread.',
  'When the door opened at last, Anselm said: "You are late, Maria, and the wind has turned."',
];

/** A text of a given length. */
export function textOf(length: number): string {
  let text = '';
  for (let index = 0; text.length < length; index++) text += `${SENTENCES[index % SENTENCES.length]}${index % 3 === 2 ? '\n' : ' '}`;
  return text.slice(0, length);
}

export class FormulaTrace implements Trace {
  description: TraceDescription;
  /** How many numbers each read asked for. */
  readonly reads: { readonly lines: readonly string[]; readonly from: number; readonly to: number }[] = [];
  private readonly options: FormulaOptions;
  private readonly values: ReadonlyMap<string, Float32Array>;
  private readonly surprise: Float32Array;
  private gradients: ReadonlyMap<string, Float32Array>;

  constructor(options: FormulaOptions) {
    this.options = options;
    const tokens = options.words === true ? options.text.split(/(?<=\s)/) : [...options.text];
    const { equations, states } = CELLS[options.cell];
    const lines = equations.map(
      ({ name, role, text, comment }, index): LineDescription => ({
        name,
        role,
        shape: [options.units],
        dimensions: ['H'],
        perStep: true,
        range: place(9 + index),
        text,
        ...(comment === undefined ? {} : { comment }),
      }),
    );
    const instance: InstanceDescription = {
      path: 'h',
      cell: options.cell,
      parent: '',
      call: place(20),
      definition: place(2),
      runs: true,
      reverse: false,
      lines,
      states: states.map((name) => ({ name, shape: [options.units] })),
      inputs: [{ name: 'x', shape: [64], perStep: true, integer: false }],
      weights: [],
    };
    const loss: LineDescription = {
      name: 'loss',
      role: 'loss',
      shape: [],
      dimensions: [],
      perStep: false,
      range: place(22),
      text: 'cross_entropy(logits, next(input))',
    };
    const model: InstanceDescription = { ...instance, path: '', cell: 'Sentences', runs: false, lines: [loss], states: [], inputs: [] };
    this.description = {
      id: 1,
      model: 'Sentences',
      title: 'lstm 256 · step 1,400 · held-out text',
      steps: tokens.length,
      tokens,
      by: options.words === true ? 'word' : 'char',
      instances: [model, instance],
      parity: 3.1e-7,
      ...(options.parts === undefined ? {} : { parts: options.parts }),
      ...(options.idle === undefined ? {} : { idle: options.idle }),
      objective: options.objective ?? { kind: 'loss' },
    };
    this.surprise = surpriseOf(tokens, options.seed);
    this.values = simulate(options, tokens, this.surprise);
    this.gradients = this.differentiated();
  }

  async read({ addresses, from, to, gradient }: ReadRequest): Promise<readonly Float32Array[]> {
    await this.wait();
    this.reads.push({ lines: addresses.map(({ line }) => line), from, to });
    const { units } = this.options;
    const source = gradient === true ? this.gradients : this.values;
    return addresses.map(({ line }) => {
      const values = source.get(line);
      if (values === undefined) throw new Error(`There is no line ${line}.`);
      return values.slice(from * units, to * units);
    });
  }

  async summary(kind: SummaryKind): Promise<Float32Array> {
    await this.wait();
    if (kind.kind === 'surprise') return this.surprise;
    if (kind.kind === 'trajectory') return trajectory((request) => this.read(request), kind.addresses, this.description.steps);
    const { units } = this.options;
    const values = (kind.kind === 'norm' && kind.gradient ? this.gradients : this.values).get(kind.address.line)!;
    const { objective } = this.description;
    const end = kind.kind === 'norm' && kind.gradient && objective.kind === 'lossAt' ? objective.t : Number.POSITIVE_INFINITY;
    return Float32Array.from({ length: this.description.steps }, (_, t) => {
      if (t > end) return Number.NaN;
      const own = values.subarray(t * units, (t + 1) * units);
      if (kind.kind === 'norm') return Math.hypot(...own);
      if (kind.kind === 'mean') return own.reduce((sum, v) => sum + v, 0) / units;
      return own.filter((v) => (kind.side === 'below' ? v < 0.1 : v > 0.9)).length / units;
    });
  }

  async weight(): Promise<{ readonly shape: readonly number[]; readonly data: Float32Array }> {
    throw new Error('The trace has no weights.');
  }

  async differentiate(objective: Objective): Promise<void> {
    this.description = { ...this.description, objective };
    this.gradients = this.differentiated();
  }

  async close(): Promise<void> {}

  /** The direct path back through what each state keeps, with losses joining on the way. */
  private differentiated(): ReadonlyMap<string, Float32Array> {
    const { units, cell, seed } = this.options;
    const { steps, objective } = this.description;
    const chance = random(seed, 'gradient');
    const { states, keep } = CELLS[cell];
    return new Map(
      states.map((state, index) => {
        const kept = keep === undefined ? undefined : this.values.get(keep)!;
        const gradient = new Float32Array(steps * units);
        const last = objective.kind === 'lossAt' ? objective.t : steps - 1;
        const flow = new Float32Array(units);
        for (let t = last; t >= 0; t--) {
          for (let unit = 0; unit < units; unit++) {
            const own =
              objective.kind === 'loss' || t === last ? (0.02 * chance.normal() * (1 + (this.surprise[t] || 2))) / (index + 1) : 0;
            const through = kept === undefined ? 0.72 + 0.1 * chance.normal() : kept[Math.min(t + 1, steps - 1) * units + unit]!;
            flow[unit] =
              flow[unit]! * through * (index === 0 ? 1 : 0.86) +
              own +
              (index === 0 ? 0 : 0.002 * chance.normal() * Math.exp((t - last) / 30));
            gradient[t * units + unit] = flow[unit]!;
          }
        }
        return [`${state}'`, gradient];
      }),
    );
  }

  private async wait(): Promise<void> {
    if (this.options.delay !== undefined) await new Promise((resolve) => setTimeout(resolve, this.options.delay));
  }
}

interface Equation {
  readonly name: string;
  readonly role: LineRole;
  readonly text: string;
  readonly comment?: string;
}

interface Cell {
  readonly states: readonly string[];
  /** The line that is the share of the first state which is kept. */
  readonly keep?: string;
  readonly equations: readonly Equation[];
}

export const CELLS: Readonly<Record<'lstm' | 'gru' | 'rnn' | 'leaky_pair', Cell>> = {
  lstm: {
    states: ['c', 'h'],
    keep: 'f',
    equations: [
      { name: 'f', role: 'gate', text: 'sigmoid(W_f @ x + U_f @ h + b_f)', comment: 'forget gate: what to keep of the cell' },
      { name: 'i', role: 'gate', text: 'sigmoid(W_i @ x + U_i @ h + b_i)', comment: 'input gate: what to store' },
      { name: 'g', role: 'candidate', text: 'tanh(W_g @ x + U_g @ h + b_g)', comment: 'candidate' },
      { name: 'o', role: 'gate', text: 'sigmoid(W_o @ x + U_o @ h + b_o)', comment: 'output gate: what to show' },
      { name: "c'", role: 'state', text: 'f * c + i * g' },
      { name: "h'", role: 'state', text: "o * tanh(c')" },
    ],
  },
  gru: {
    states: ['h'],
    keep: 'z',
    equations: [
      { name: 'r', role: 'gate', text: 'sigmoid(W_r @ x + U_r @ h + b_r)', comment: 'reset gate' },
      { name: 'z', role: 'gate', text: 'sigmoid(W_z @ x + U_z @ h + b_z)', comment: 'update gate' },
      { name: 'n', role: 'candidate', text: 'tanh(W_n @ x + b_n + r * (U_n @ h + d_n))', comment: 'candidate' },
      { name: "h'", role: 'state', text: '(1 - z) * n + z * h' },
    ],
  },
  rnn: { states: ['h'], equations: [{ name: "h'", role: 'state', text: 'tanh(W @ x + U @ h + b)' }] },
  leaky_pair: {
    states: ['s', 'm'],
    equations: [
      { name: 'keep', role: 'gate', text: 'sigmoid(W_k @ x + U_k @ s + b_k)', comment: 'how much of the slow state stays' },
      { name: 'drive', role: 'candidate', text: 'tanh(W_d @ x + U_d @ s)' },
      { name: 'gap', role: 'value', text: 'drive - m' },
      { name: "m'", role: 'state', text: 'm + 0.05 * gap' },
      { name: "s'", role: 'state', text: "keep * s + (1 - keep) * m' * drive" },
    ],
  },
};

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** What each token does to each unit: the same for the same token. */
function featuresOf(token: string, units: number, seed: number): Float32Array {
  const chance = random(seed, 'token', token);
  return Float32Array.from({ length: units }, () => chance.normal());
}

function surpriseOf(tokens: readonly string[], seed: number): Float32Array {
  const chance = random(seed, 'surprise');
  const seen = new Map<string, number>();
  return Float32Array.from(tokens, (token, t) => {
    const pair = `${tokens[t - 1] ?? ''}${token}`;
    const times = seen.get(pair) ?? 0;
    seen.set(pair, times + 1);
    if (t === 0) return Number.NaN;
    const first = tokens[t - 1]?.trim() === '' ? 1.6 : 0.4;
    return Math.max(0.02, (first + Math.abs(chance.normal()) * 1.4) * (times > 2 ? 0.7 : 1.5));
  });
}

function simulate(options: FormulaOptions, tokens: readonly string[], surprise: Float32Array): ReadonlyMap<string, Float32Array> {
  const { cell, units, seed, fault } = options;
  const { equations, states } = CELLS[cell];
  const steps = tokens.length;
  const values = new Map<string, Float32Array>(
    [...equations.map(({ name }) => name), ...states].map((name) => [name, new Float32Array(steps * units)]),
  );
  const features = new Map([...new Set(tokens)].map((token) => [token, featuresOf(token, units, seed)]));
  const unit = (name: string): ((index: number) => number) => {
    const chance: Random = random(seed, name);
    const own = Float32Array.from({ length: units }, () => chance.normal());
    return (index) => own[index]!;
  };
  const [slow, strength, sign, openness, phase] = [unit('slow'), unit('strength'), unit('sign'), unit('open'), unit('phase')];
  const state = Object.fromEntries(states.map((name) => [name, new Float32Array(units)])) as Record<string, Float32Array>;
  for (let t = 0; t < steps; t++) {
    const feature = features.get(tokens[t]!)!;
    const blank = tokens[t]!.trim() === '' ? 1 : 0;
    const stress = Number.isFinite(surprise[t]!) ? surprise[t]! : 2;
    for (let u = 0; u < units; u++) {
      const before = Object.fromEntries(states.map((name) => [name, state[name]![u]!])) as Record<string, number>;
      const drive = feature[u]! * (0.6 + 0.4 * Math.abs(strength(u)));
      const mix = feature[(u * 7 + 3) % units]!;
      const noisy = feature[(u * 13 + 5) % units]!;
      const line: Record<string, number> = {};
      if (cell === 'lstm') {
        line.f = sigmoid(1.6 + 2.4 * slow(u) + 0.9 * mix - 1.6 * blank * Math.max(0, phase(u)) - 0.12 * stress);
        line.i = sigmoid(1.2 + 1.3 * openness(u) + 1.1 * noisy);
        line.g = Math.tanh(1.3 * drive + 0.9 * sign(u));
        line.o = sigmoid(0.5 + 1.4 * phase(u) + 1.3 * feature[(u * 5 + 1) % units]!);
        line["c'"] = line.f * before.c! + line.i * line.g;
        line["h'"] = line.o * Math.tanh(line["c'"]);
      } else if (cell === 'gru') {
        line.r = sigmoid(0.2 + 1.2 * openness(u) + 1.3 * noisy);
        line.z = sigmoid(-1.2 + 2.1 * slow(u) + 1.1 * mix - 0.8 * blank);
        line.n = Math.tanh(1.5 * drive + 0.7 * sign(u) + 0.5 * line.r * before.h!);
        line["h'"] = (1 - line.z) * line.n + line.z * before.h!;
      } else if (cell === 'rnn') {
        line["h'"] = Math.tanh(1.1 * drive + (0.7 + 0.2 * slow(u)) * before.h!);
      } else {
        line.keep = sigmoid(1.4 + 1.8 * slow(u) + 0.8 * mix);
        line.drive = Math.tanh(1.4 * drive);
        line.gap = line.drive - before.m!;
        line["m'"] = before.m! + 0.05 * line.gap;
        line["s'"] = line.keep * before.s! + (1 - line.keep) * line["m'"] * line.drive;
      }
      if (fault !== undefined && t >= fault.t && (u === fault.unit || t > fault.t + 1))
        for (const name of states) line[`${name}'`] = Number.NaN;
      for (const name of states) values.get(name)![t * units + u] = before[name]!;
      for (const { name } of equations) values.get(name)![t * units + u] = line[name]!;
      for (const name of states) state[name]![u] = line[`${name}'`]!;
    }
  }
  return values;
}

const place = (line: number) => ({ uri: 'file:///sentences.rnn', start: { line, column: 2 }, end: { line, column: 30 } });

// What a launch configuration of the type `unroll` may say, and what is wrong with one.

import type { Objective } from '../shared/trace.ts';

export interface LaunchArguments {
  /** The `.rnn` file, or an `.onnx` model of others. */
  readonly program: string;
  /** Which model of the file; by default its first. */
  readonly model?: string;
  /** The folder of a run, `latest`, or `untrained` for the weights as they start. By default the newest run. */
  readonly run?: string;
  /** What is stepped through: a text, the text in a file, or a part of the model's own data. */
  readonly text?: string;
  /** What a model writes that has read `text`: a translation, a reply. */
  readonly writes?: string;
  readonly file?: string;
  readonly data?: { readonly part: 'training' | 'validation'; readonly from?: number; readonly length?: number };
  /** Of an `.onnx` model: a file for its inputs; what each input is given (or a file of JSON that says so); or the seed of random numbers. */
  readonly input?: string;
  readonly choices?: string | object;
  readonly random?: number;
  /** How an `.onnx` model that is made for one frame a call is streamed: a file of JSON with the rule, the rule, or `auto`. */
  readonly stream?: string | object;
  /** Which of the sequences that run side by side is stepped through, from 0. */
  readonly item?: number;
  /** What is stepped over, by an axis of an input as the model's page names it: bands, frames, `axis 1 of x`. */
  readonly over?: string;
  /** By default true. */
  readonly stopOnEntry?: boolean;
  /** What the gradients are of; by default the loss. */
  readonly objective?: Objective;
  /** Where it stands first, unless at the beginning; of the host's own asking. */
  readonly at?: { readonly t: number; readonly instance: string };
  /** What the host has made of all this, where it has asked the person itself. */
  readonly trace?: unknown;
}

/** Checks what came as JSON. A fault names the property, and says what it should be. */
export const readLaunch = (given: object): LaunchArguments | { readonly fault: string } => {
  const asked = given as Partial<Record<keyof LaunchArguments, unknown>>;
  if (typeof asked.program !== 'string' || asked.program === '')
    return { fault: 'The launch configuration names no model: set "program" to a .rnn or an .onnx file.' };
  for (const property of ['model', 'run', 'text', 'writes', 'file', 'input', 'over'] as const)
    if (asked[property] !== undefined && typeof asked[property] !== 'string')
      return { fault: `"${property}" in the launch configuration is a text.` };
  if (asked.writes !== undefined && asked.text === undefined)
    return { fault: '"writes" in the launch configuration is what the model writes that has read "text": give it both.' };
  const data = asked.data as Partial<LaunchArguments['data'] & object> | undefined;
  if (data !== undefined && data.part !== 'training' && data.part !== 'validation')
    return { fault: '"data" in the launch configuration is { "part": "training" or "validation", "from": 0, "length": 200 }.' };
  const fault = foreignFault(asked, asked.program);
  if (fault !== undefined) return { fault };
  if (asked.objective !== undefined && !isObjective(asked.objective, isOnnx(asked.program)))
    return {
      fault: isOnnx(asked.program)
        ? '"objective" in the launch configuration is { "kind": "output", "output": "logits", "index": [0, 40, null] }, of an .onnx model; without "index" all of the output.'
        : '"objective" in the launch configuration is { "kind": "loss" } or { "kind": "lossAt", "t": 40 }.',
    };
  return given as LaunchArguments;
};

const isOnnx = (program: string): boolean => /\.onnx$/i.test(program);

function isObjective(given: unknown, ofOnnx: boolean): given is Objective {
  const { kind, t, output, index } = given as Readonly<Record<string, unknown>>;
  if (!ofOnnx) return kind === 'loss' || (kind === 'lossAt' && Number.isInteger(t));
  const isIndex = index === undefined || (Array.isArray(index) && index.every((each) => each === null || Number.isInteger(each)));
  return kind === 'output' && typeof output === 'string' && isIndex;
}

const ofRnn = ['model', 'run', 'text', 'writes', 'file', 'data'] as const;
const ofOnnx = ['input', 'choices', 'random', 'stream', 'item', 'over'] as const;

/** What is said of a model of the one kind is no use for one of the other. */
function foreignFault(asked: Partial<Record<keyof LaunchArguments, unknown>>, program: string): string | undefined {
  const [own, other] = isOnnx(program) ? [ofOnnx, ofRnn] : [ofRnn, ofOnnx];
  const strange = other.find((property) => asked[property] !== undefined);
  if (strange !== undefined)
    return `"${strange}" in the launch configuration is for ${isOnnx(program) ? '.rnn sources' : '.onnx models'}; for ${program} there are ${own.map((each) => `"${each}"`).join(', ')}.`;
  for (const property of ['random', 'item'] as const) {
    const value = asked[property];
    if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) >= 0))
      return `"${property}" in the launch configuration is a whole number from 0.`;
  }
  if (ofOnnx.slice(0, 3).filter((property) => asked[property] !== undefined).length > 1)
    return 'Of "input", "choices" and "random" in the launch configuration one is enough.';
  for (const property of ['choices', 'stream'] as const) {
    const value = asked[property];
    if (value !== undefined && typeof value !== 'string' && (typeof value !== 'object' || value === null || Array.isArray(value)))
      return `"${property}" in the launch configuration is the path of a file of JSON, or what would stand in it.`;
  }
  return undefined;
}

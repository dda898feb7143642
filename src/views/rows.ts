// The rows of the timeline: which lines of a cell are shown, under which letter, word and hue, and on which scale.

import type { Identity, Row, Structure } from '../shared/messages.ts';
import type { LineRole } from '../shared/source.ts';
import type { InstanceDescription, LineDescription } from '../shared/trace.ts';

/** The vector lines of a cell in source order, and attention with heads. Scales of states are those of the cell's bounds until `scaled` sets measured ones. */
export function rowsOf(instance: InstanceDescription, structure: Structure): Row[] {
  const lines = instance.lines.filter(
    (line) => line.perStep && (line.shape.length === 1 || (line.attention === true && line.shape.length === 2)),
  );
  const letters = lettersOf(lines.map((line) => bare(line.name)));
  const known = identitiesOf(structure);
  const identities = withOthers(known, lines);
  return lines.map((line, index) => {
    const identity = identities.get(line.name)!;
    return {
      line: line.name,
      letter: letters[index]!,
      name:
        line.attention === true
          ? attentionWord(line.name)
          : known.has(line.name)
            ? wordOf(line.name, identity, structure)
            : wordByComment(line),
      identity,
      quantity: line.role === 'gate' ? 'gate' : line.role === 'weights' ? 'share' : 'signed',
      units: line.shape.reduce((product, size) => product * size, 1),
      ...placesOf(line),
      text: line.text,
      limit: 1,
      softness: 0,
    };
  });
}

function placesOf({ attention, shape, image }: LineDescription): Pick<Row, 'attention'> {
  const places = shape.at(-1);
  if (attention !== true || places === undefined) return {};
  return { attention: { heads: shape.length === 2 ? shape[0]! : 1, places, ...(image === undefined ? {} : { image }) } };
}

/** `attention`, or `head 3` of a line for each. */
const attentionWord = (name: string): string => {
  const head = /_(\d+)$/.exec(name)?.[1];
  return head === undefined ? 'attention' : `head ${head}`;
};

/** A row with the scale of its values: linear to 1 where they stay within, else asinh with half width at the median and ends at the 99th percentile. */
export function scaled(row: Row, sample: Float32Array, structure: Structure): Row {
  if (row.quantity !== 'signed') return row;
  const sizes = Float32Array.from(sample, Math.abs)
    .filter((size) => Number.isFinite(size))
    .sort();
  const quantile = (share: number): number => sizes[Math.min(sizes.length - 1, Math.round(share * sizes.length))] ?? 0;
  const isMemory = structure.kind === 'additive' && row.line === `${structure.memory}'`;
  const largest = quantile(1);
  // A bounded line has the scale of its bounds, unless it hardly leaves zero.
  if (largest === 0 || (largest <= 1 && quantile(0.99) > 0.3 && !isMemory)) return row;
  const limit = quantile(0.99) > 0 ? quantile(0.99) : largest;
  return { ...row, limit, softness: quantile(0.5) > 0 ? quantile(0.5) : limit / 10 };
}

const bare = (name: string): string => name.replace(/'+$/, '');

/** One letter each where that tells them apart; short names whole. */
function lettersOf(names: readonly string[]): string[] {
  return names.map((name, index) => {
    if (name.length <= 2) return name;
    const [, stem, number] = /^(\w+)_(\d+)$/.exec(name) ?? [];
    if (number !== undefined && names.some((other) => other !== name && other.startsWith(`${stem}_`))) return `${stem!.charAt(0)}${number}`;
    const shorter = [1, 2].map((length) => name.slice(0, length));
    const others = names.filter((_, other) => other !== index);
    return shorter.find((letter) => others.every((other) => other.slice(0, letter.length) !== letter)) ?? name.slice(0, 3);
  });
}

function identitiesOf(structure: Structure): Map<string, Identity> {
  const known = new Map<string, Identity>();
  if (structure.kind === 'additive') {
    known.set(structure.keep, 'forget').set(structure.store, 'store').set(structure.candidate, 'candidate');
    known.set(`${structure.memory}'`, 'cell');
    if (structure.output !== undefined) known.set(structure.output.gate, 'output').set(`${structure.output.state}'`, 'hidden');
  }
  if (structure.kind === 'interpolating') {
    known.set(structure.gate, 'forget').set(structure.candidate, 'candidate').set(`${structure.memory}'`, 'hidden');
    if (structure.reset !== undefined) known.set(structure.reset, 'reset');
  }
  return known;
}

/** Hues that lines of a role take first, where the equations do not tell. */
const PREFERRED: Readonly<Record<LineRole, readonly Identity[]>> = {
  gate: ['forget', 'store', 'output', 'reset'],
  candidate: ['candidate', 'reset'],
  state: ['hidden', 'cell', 'store', 'reset'],
  value: ['reset', 'store', 'output'],
  weights: ['store', 'output'],
  loss: ['output'],
  scores: ['store', 'output'],
};

/** A hue for each line, different ones as far as they go. */
function withOthers(known: ReadonlyMap<string, Identity>, lines: readonly LineDescription[]): ReadonlyMap<string, Identity> {
  const identities = new Map(known);
  const all = Object.keys(WORDS) as Identity[];
  for (const role of ['state', 'gate', 'candidate', 'weights', 'scores', 'value', 'loss'] as const) {
    // A state called h is what the next layer sees, the others are memory.
    const own = lines
      .filter((line) => line.role === role && !identities.has(line.name))
      .sort((a, b) => Number(b.name === "h'") - Number(a.name === "h'"));
    for (const line of own) {
      const used = new Set(identities.values());
      const free = [...PREFERRED[role], ...all].find((identity) => !used.has(identity));
      identities.set(line.name, free ?? PREFERRED[role][0]!);
    }
  }
  return identities;
}

const WORDS: Readonly<Record<Identity, string>> = {
  forget: 'forget',
  store: 'store',
  candidate: 'candidate',
  output: 'output',
  cell: 'cell',
  reset: 'reset',
  hidden: 'hidden',
};

function wordOf(name: string, identity: Identity, structure: Structure): string {
  if (bare(name).length > 2) return bare(name);
  return structure.kind === 'interpolating' && identity === 'forget' ? 'update' : WORDS[identity];
}

/** `forget` of `// forget gate: what to keep`, or the name where it is a word. */
function wordByComment(line: LineDescription): string {
  const name = bare(line.name);
  if (name.length > 2) return name;
  const said = /^([\p{L}-]{3,12})(\s+gate)?\s*(:|$)/u.exec(line.comment ?? '')?.[1];
  return said ?? (line.role === 'state' ? (name === 'h' ? 'hidden' : 'state') : line.role === 'value' ? '' : line.role);
}

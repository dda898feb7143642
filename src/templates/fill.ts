// A template becomes a file of one's own: its model gets a name, its data line the file and the columns that were chosen. Nothing else of it changes, so what
// was checked of the template holds for what is made of it.

import type { Column } from '../data/columns.ts';
import type { Source } from './templates.ts';

export type { Column };

/** A file of one's own, and what the model reads of it. `path` as it stands in the data line: relative to the new file, with slashes. */
export type OwnData =
  | { readonly kind: 'text'; readonly path: string; readonly beginning: string; readonly bytes: number }
  | { readonly kind: 'classes'; readonly path: string; readonly input: Column; readonly answer: string }
  | { readonly kind: 'series'; readonly path: string; readonly past: readonly string[]; readonly ahead: string; readonly steps: number }
  | { readonly kind: 'tags'; readonly path: string; readonly words: string; readonly tags: string }
  | { readonly kind: 'pairs' | 'dialogue'; readonly path: string };

export interface Filled {
  readonly text: string;
  /** Offsets of what is to be selected. */
  readonly first: readonly [from: number, to: number];
}

/** `text`: the template's; `name`: the model's; `sample`: the name that the sample's copy has; absent: as the template says. */
export function filled(
  text: string,
  source: Source,
  name: string,
  data?: OwnData | { readonly kind: 'sample'; readonly path: string },
): Filled {
  // A name that the file has for something else, such as a dimension, stays what it is.
  const isTaken = name !== source.model && new RegExp(`(?<![\\p{L}\\p{N}_])${name}(?![\\p{L}\\p{N}_])`, 'u').test(text);
  const edits: Edit[] = [[new RegExp(`\\b${source.model}\\b`, 'g'), isTaken ? `${name}Model` : name]];
  if (data !== undefined) edits.push(...dataEdits(data));
  const result = text
    .split('\n')
    .flatMap((line) => edited(line, edits))
    .join('\n');
  const first = edits.slice(1).reduce((told, [from, to]) => told.replace(from, () => to ?? ''), source.first);
  const at = result.indexOf(first);
  return { text: result, first: at < 0 ? [0, 0] : [at, at + first.length] };
}

/** What is found, and what stands there instead; undefined takes the whole line away. */
type Edit = readonly [from: RegExp, to: string | undefined];

/** Columns behind which comments stand are kept. */
function edited(line: string, edits: readonly Edit[]): string[] {
  const place = line.startsWith('//') ? -1 : line.search(/ \/\/ /);
  const [code, comment] = place < 0 ? [line, ''] : [line.slice(0, place), line.slice(place + 1)];
  let changed = code;
  let told = comment;
  for (const [from, to] of edits) {
    if (to === undefined && from.test(code)) return [];
    if (to === undefined) continue;
    changed = changed.replace(from, () => to);
    told = told.replace(from, () => to);
  }
  return [place < 0 ? changed : `${changed.trimEnd().padEnd(place)} ${told}`];
}

function dataEdits(data: OwnData | { readonly kind: 'sample'; readonly path: string }): Edit[] {
  const file: Edit = [/(?<=\b(text|table|series|pairs|dialogue)\()"[^"]*"/, quoted(data.path)];
  switch (data.kind) {
    case 'sample':
    case 'pairs':
    case 'dialogue':
      return [file];
    case 'text':
      return [file, [/(?<=prompt: )"[^"]*"/, quoted(promptOf(data.beginning))], [/(?<=batch: +)\d+/, String(batchFor(data.bytes))]];
    case 'classes':
      return [
        file,
        [/(?<=text: +)column\("[^"]*"\)/, column(data.input.name)],
        [/(?<=answer: +)column\("[^"]*"\)/, column(data.answer)],
        ...cutting(data.input),
      ];
    case 'series':
      return [
        file,
        [/columns\([^)]*\)/, `columns(${data.past.map(quoted).join(', ')})`],
        [/(?<=following\()"[^"]*"/, quoted(data.ahead)],
        [/(?<=window: +)\d+/, String(Math.max(12, 4 * data.steps))],
        [/(?<=stride: +)\d+/, String(Math.ceil(data.steps / 8))],
        [/\b24\b/g, String(data.steps)],
      ];
    case 'tags':
      return [file, [/(?<=words: +)column\("[^"]*"\)/, column(data.words)], [/(?<=tags: +)column\("[^"]*"\)/, column(data.tags)]];
  }
}

/** How a text column is read: by characters, or by words where its cells have several. Lists of numbers are read as they are. */
function cutting(input: Column): Edit[] {
  const width = numbersAStep(input);
  if (width !== undefined)
    return [
      [/text: \[T\] of Token/, `text: [T, ${width}]`],
      [/^ {2}x += embed\(text, \d+\)/, undefined],
      [/\(x, /, '(text, '],
      [/ by: char,/, ' normalise: true,'],
    ];
  const isWords = input.examples.length > 0 && input.examples.every((text) => text.trim().split(/\s+/).length > 2);
  return isWords ? [[/by: char/, 'by: word, minimum: 2']] : [];
}

/** How many numbers a step has where the cells of a column are lists of numbers, or of lists of equally many: [[1, 2], [3, 4]]. */
export function numbersAStep({ kind, examples }: Column): number | undefined {
  if (kind === 'number') return 1;
  const widths = new Set(examples.map(widthOf));
  return widths.size === 1 ? [...widths][0] : undefined;
}

function widthOf(example: string): number | undefined {
  // Examples are cut short, so that they may lack their end.
  if (!/^\[[[\]\d\s.,eE+-]*…?$/.test(example)) return undefined;
  const inner = /^\[\s*\[([^\]…]*)\]/.exec(example)?.[1];
  return inner === undefined ? 1 : inner.split(',').length;
}

/** Places of a text that are read at once: as many as it can be cut into, with steps enough in each. */
const batchFor = (bytes: number): number => (bytes >= 100_000 ? 32 : bytes >= 20_000 ? 16 : 4);

/** Some words with which a text begins, so that its model knows their characters. */
export function promptOf(beginning: string): string {
  const [line = ''] = beginning.split(/\r?\n/).filter((each) => each.trim() !== '');
  const words = line.trim().split(/\s+/);
  const first = words.slice(0, 3).join(' ');
  return (words.length > 3 ? `${first} ` : first).slice(0, 40);
}

const column = (name: string): string => `column(${quoted(name)})`;
const quoted = (text: string): string => `"${text.replace(/["\\]/g, (letter) => `\\${letter}`)}"`;

/** A file's name as the name of a model: `my model-2` is MyModel2. */
export function modelName(file: string): string {
  const words = file
    .normalize('NFC')
    .split(/[^\p{L}\p{M}\p{N}]+/u)
    .filter((word) => word !== '');
  const name = words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
  return /^[\p{L}_]/u.test(name) ? name : `Model${name}`;
}

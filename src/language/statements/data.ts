// Where data comes from: the sources of SPEC section 6.

import {
  type ArraysSource,
  type Binding,
  type Cutting,
  type DataSource,
  type Split,
  type TaskName,
  type TaskSource,
  taskNames,
} from '../../shared/settings.ts';
import { closest } from '../check/scope.ts';
import type { Argument, Data, Expression } from '../generated/ast.ts';
import { besides, rangeOf, textOf } from '../places.ts';
import { plainNumber, SettingsReader, wordOf } from './settings-reader.ts';
import type { Report } from './statements.ts';

export const fileSources = ['text', 'table', 'series', 'arrays', 'pairs', 'dialogue', 'images'] as const;
export const sources = [...fileSources, ...taskNames] as const;

const held = ['validation', 'test', 'split', 'seed'] as const;
const cutting = ['by', 'lower', 'minimum'] as const;

/** The settings of each source, in the order in which they are offered; inputs of the model besides. */
export const sourceSettings: Readonly<Record<(typeof fileSources)[number], readonly string[]>> = {
  text: [...cutting, ...held],
  table: [...cutting, 'header', 'longest', 'normalise', ...held],
  series: ['window', 'stride', 'header', 'normalise', ...held],
  arrays: ['normalise', ...held],
  pairs: [...cutting, 'longest', 'alignments', ...held],
  dialogue: [...cutting, 'longest', ...held],
  images: ['captions', ...cutting, 'longest', 'size', ...held],
};

/** What each task may be told. */
export const taskSettings: Readonly<Record<TaskName, readonly string[]>> = {
  adding: ['length'],
  copying: ['symbols', 'length', 'delay'],
  repeating: ['symbols', 'length'],
  temporal_order: ['length'],
  parity: ['length'],
  flip_flop: ['switches', 'length'],
  embedded_reber: ['length'],
  dates: [],
  shapes: ['size'],
};

export function dataSource(item: Data, uri: string, report: Report): DataSource | undefined {
  const { source } = item;
  if (source === undefined) return undefined;
  const said = wordOf(source);
  const fault = (message: string, code: string): undefined => {
    report({ range: rangeOf(source, uri), severity: 'error', code, message });
    return undefined;
  };
  const word = sources.find((each) => each === said?.word);
  if (word === undefined) {
    const meant = said === undefined ? undefined : closest(said.word, sources);
    const hint =
      meant === undefined
        ? ' As in text("book.txt", by: char), table("rows.csv", by: char) or adding(length: 100).'
        : ` Did you mean \`${meant}\`?`;
    return fault(`\`${textOf(source)}\` is no source of data.${hint}`, 'data');
  }
  const given = said!.call?.arguments ?? [];
  const task = taskNames.find((each) => each === word);
  if (task !== undefined) return taskSource(task, given, uri, report);
  return new FileReader(word as (typeof fileSources)[number], source, given, uri, report).read();
}

// -------------------------------------------------------------------------------------------------------------------- files

/** text("book.txt", by: char), table("names.csv", ...), series(...), arrays(...), pairs(...), dialogue(...), images(...). */
class FileReader {
  readonly #kind: (typeof fileSources)[number];
  readonly #source: Expression;
  readonly #uri: string;
  readonly #given: readonly Argument[];
  readonly #reader: SettingsReader;

  constructor(kind: (typeof fileSources)[number], source: Expression, given: readonly Argument[], uri: string, report: Report) {
    this.#kind = kind;
    this.#source = source;
    this.#given = given;
    this.#uri = uri;
    const isSetting = ({ name, value }: Argument): boolean => !binds.has(kind) || !isBinding(value, kind) || name === undefined;
    this.#reader = new SettingsReader(given.filter(isSetting), kind, sourceSettings[kind], uri, report);
  }

  read(): DataSource | undefined {
    const reader = this.#reader;
    const path = this.#path();
    if (path === undefined) return undefined;
    const split = splitOf(reader);
    const source = this.#made(path, split);
    return reader.isSound ? source : undefined;
  }

  #made(path: string, split: Split): DataSource {
    const reader = this.#reader;
    const header = (): { readonly header?: boolean } => optional('header', reader.boolean('header'));
    const normalise = reader.has('normalise') ? (reader.boolean('normalise') ?? false) : false;
    switch (this.#kind) {
      case 'text':
        return { kind: 'text', path, ...this.#cutting(), ...split };
      case 'table': {
        return {
          kind: 'table',
          path,
          ...this.#cutting(),
          ...header(),
          ...this.#longest(),
          bindings: this.#bindings(),
          normalise,
          ...split,
        };
      }
      case 'series': {
        const window = reader.number('window', { least: 1, whole: true }) ?? 32;
        const stride = reader.number('stride', { least: 1, whole: true }) ?? 1;
        return { kind: 'series', path, ...header(), bindings: this.#bindings(), window, stride, normalise, ...split };
      }
      case 'arrays':
        return { kind: 'arrays', path, bindings: this.#arrayNames(), normalise, ...split };
      case 'pairs': {
        const alignments = reader.text('alignments');
        const more = optional('alignments', alignments === undefined ? undefined : besides(this.#uri, alignments));
        return { kind: 'pairs', path, ...this.#cutting(), ...this.#longest(), ...more, ...split };
      }
      case 'dialogue':
        return { kind: 'dialogue', path, ...this.#cutting(), ...this.#longest(), ...split };
      case 'images': {
        const captions = reader.text('captions');
        if (captions === undefined && !reader.has('captions') && reader.isSound)
          reader.fault(
            this.#source,
            'images needs what people wrote about them, as in captions: "captions.csv", with a row cat.jpg,a cat on a mat for each.',
          );
        const own = { path, captions: besides(this.#uri, captions ?? ''), ...this.#size() };
        return { kind: 'images', ...own, ...this.#cutting('word'), ...this.#longest(), ...split };
      }
    }
  }

  #longest(): { readonly longest?: number } {
    return optional('longest', this.#reader.number('longest', { least: 1, whole: true }));
  }

  /** size: 64, or size: [48, 64], rows and columns. */
  #size(): { readonly size?: readonly [number, number] } {
    const reader = this.#reader;
    const node = reader.value('size');
    if (node === undefined) return {};
    const parts = node.$type === 'Brackets' && !node.joined ? node.parts : [node, node];
    const [height, width] = parts.map(plainNumber);
    const isSound = (side: number | undefined): side is number => side !== undefined && Number.isInteger(side) && side >= 1;
    if (parts.length === 2 && isSound(height) && isSound(width)) return { size: [height, width] };
    reader.fault(node, '`size` takes the rows and columns that images are brought to, as in size: 64, or size: [48, 64].');
    return {};
  }

  #path(): string | undefined {
    const example = {
      text: 'book.txt", by: char',
      table: 'names.csv", by: char',
      series: 'weather.csv", window: 24',
      arrays: 'digits.npz"',
      pairs: 'eng-fra.tsv", by: word',
      dialogue: 'films.txt", by: word',
      images: 'photographs", captions: "captions.csv"',
    }[this.#kind];
    const [file, ...more] = this.#given.filter(({ name }) => name === undefined);
    const [what, named] = this.#kind === 'images' ? ['folder', 'a folder'] : ['file', 'a file'];
    for (const each of more)
      this.#reader.fault(each, `${this.#kind} takes one ${what}; its settings are named, as in \`validation: 0.1\`.`);
    if (file?.value.$type === 'StringLiteral' && file.value.value !== '') {
      const name = file.value.value;
      const ends = endings[this.#kind];
      if (ends !== undefined && !ends.test(name))
        this.#reader.fault(file, `${this.#kind} reads ${endingTexts[this.#kind]}, not ${JSON.stringify(name)}.`);
      return besides(this.#uri, name);
    }
    this.#reader.fault(file ?? this.#source, `${this.#kind} takes the name of ${named} in quotes, as in ${this.#kind}("${example}).`);
    return undefined;
  }

  #cutting(usual: 'char' | 'word' = 'char'): Cutting {
    const reader = this.#reader;
    const by = reader.value('by');
    const cut = by === undefined ? undefined : wordOf(by);
    const lower = reader.boolean('lower') ?? false;
    const minimum = reader.number('minimum', { least: 1, whole: true }) ?? 1;
    if (cut?.word === 'pieces') {
      const [size, ...more] = cut.call?.arguments ?? [];
      const pieces = size === undefined ? 8000 : reader.checked(size.value, 'The number of pieces', { least: 2, whole: true });
      if (more.length > 0 || size?.name !== undefined) reader.fault(by!, 'pieces takes how many there are at most, as in pieces(8000).');
      return { by: 'pieces', pieces: pieces ?? 8000, lower, minimum };
    }
    const word = reader.word('by', ['char', 'word', 'pieces'] as const);
    return { by: word === 'char' || word === 'word' ? word : usual, lower, minimum };
  }

  #bindings(): Record<string, Binding> {
    const bindings: Record<string, Binding> = {};
    for (const { name, value } of this.#given) {
      if (name === undefined || !isBinding(value, this.#kind)) continue;
      const binding = this.#binding(value);
      if (binding !== undefined) bindings[name] = binding;
    }
    return bindings;
  }

  #binding(value: Expression): Binding | undefined {
    const reader = this.#reader;
    const { word, call } = wordOf(value)!;
    const given = call?.arguments ?? [];
    const names = given.flatMap(({ value: each }) => (each.$type === 'StringLiteral' ? [each.value] : []));
    if (word === 'following') {
      const [, steps] = given;
      const length =
        steps === undefined ? undefined : reader.checked(steps.value, 'The number of values that follow', { least: 1, whole: true });
      if (this.#kind !== 'series') reader.fault(value, '`following` looks ahead in time: it is for series(...).');
      if (names.length === 1 && given.length === 2 && length !== undefined) return { kind: 'following', name: names[0]!, steps: length };
      if (length !== undefined || steps === undefined)
        reader.fault(value, 'following takes a column and how many values, as in following("temperature", 24).');
      return undefined;
    }
    if (names.length !== given.length || names.length === 0 || (word === 'column' && names.length > 1)) {
      reader.fault(
        value,
        word === 'column'
          ? 'column takes the name of one column in quotes, as in column("name").'
          : 'columns takes names of columns in quotes, as in columns("a", "b").',
      );
      return undefined;
    }
    return word === 'column' ? { kind: 'column', name: names[0]! } : { kind: 'columns', names };
  }

  #arrayNames(): ArraysSource['bindings'] {
    return Object.fromEntries(
      this.#given.flatMap(({ name, value }) => (name !== undefined && value.$type === 'StringLiteral' ? [[name, value.value]] : [])),
    );
  }
}

const endings: Readonly<Partial<Record<string, RegExp>>> = { arrays: /\.np[yz]$/i };
const endingTexts: Readonly<Partial<Record<string, string>>> = { arrays: 'a .npz or .npy file' };

/** Sources whose data line may say what an input is taken from. */
const binds: ReadonlySet<string> = new Set(['table', 'series', 'arrays']);

/** What binds an input of the model, and is no setting. */
function isBinding(value: Expression, kind: (typeof fileSources)[number]): boolean {
  if (kind === 'arrays') return value.$type === 'StringLiteral';
  const word = wordOf(value)?.word;
  return word === 'column' || word === 'columns' || word === 'following';
}

const optional = <Name extends string, Value>(name: Name, value: Value | undefined): { readonly [Key in Name]?: Value } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [Key in Name]?: Value };

// -------------------------------------------------------------------------------------------------------------------- tasks

/** adding(length: 100, seed: 1), embedded_reber(20_000). */
function taskSource(task: TaskName, given: readonly Argument[], uri: string, report: Report): TaskSource | undefined {
  const own = taskSettings[task];
  const reader = new SettingsReader(given, task, [...own, ...held], uri, report);
  const [count, ...more] = given.filter(({ name }) => name === undefined);
  for (const each of more)
    reader.fault(each, `${task} takes how many examples there are; all else is named, as in ${own[0] ?? 'test'}: 100.`);
  const examples = count === undefined ? undefined : reader.checked(count.value, 'The number of examples', { least: 3, whole: true });
  const options: Record<string, number | readonly [number, number]> = {};
  for (const name of own) {
    const value = reader.value(name);
    if (value === undefined) continue;
    const least = name === 'length' ? 2 : 1;
    if (value.$type === 'Brackets' && name === 'length') {
      const bounds = value.parts.map((part) => reader.checked(part, 'A length', { least, whole: true }));
      const [low, high] = bounds;
      if (bounds.length !== 2 || value.joined || (low !== undefined && high !== undefined && low > high))
        reader.fault(value, '`length` takes a number, or the least and the most, as in length: [10, 50].');
      else if (low !== undefined && high !== undefined) options[name] = [low, high];
      continue;
    }
    const number = reader.checked(value, `\`${name}\``, { least, whole: true });
    if (number !== undefined) options[name] = number;
  }
  const split = splitOf(reader);
  return reader.isSound ? { kind: 'task', task, ...optional('count', examples), options, ...split } : undefined;
}

// -------------------------------------------------------------------------------------------------------------------- parts

/** What is held out: shares below 1, or numbers of examples; or all three parts at once. */
function splitOf(reader: SettingsReader): Split {
  const seed = reader.number('seed', { least: 0, whole: true }) ?? 1;
  const all = reader.value('split');
  if (all !== undefined) {
    for (const other of ['validation', 'test'] as const)
      if (reader.has(other)) reader.fault(reader.value(other)!, `\`split\` says what is held out; leave \`${other}\` out.`);
    const shares = all.$type === 'Brackets' && !all.joined ? all.parts.map(plainNumber) : [];
    const [training, validation, test = 0] = shares;
    const isSound = shares.length >= 2 && shares.length <= 3 && shares.every((share) => share !== undefined && share >= 0 && share < 1);
    if (!isSound || Math.abs(training! + validation! + test - 1) > 1e-6) {
      reader.fault(all, '`split` takes the shares of training, validation and test, which make 1, as in [0.7, 0.15, 0.15].');
      return { validation: 0.1, test: 0, seed };
    }
    // Validation is a share of what the test leaves.
    return { validation: validation! / (1 - test), test, seed };
  }
  const share = (name: 'validation' | 'test', usual: number): number => {
    const node = reader.value(name);
    if (node === undefined) return usual;
    const number = plainNumber(node);
    if (number !== undefined && number >= 0 && (number < 1 || (number > 1 && Number.isInteger(number)))) return number;
    reader.fault(node, `\`${name}\` takes a share from 0 below 1, or a number of examples, not \`${textOf(node)}\`.`);
    return usual;
  };
  return { validation: share('validation', 0.1), test: share('test', 0), seed };
}

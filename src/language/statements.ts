// What `data`, `train` and `generate` say, as plain data, with their faults.

import type { DataSource, GenerateSettings, Optimizer, TrainSettings } from '../shared/settings.ts';
import type { Fault, SourceRange } from '../shared/source.ts';
import type { ModelArguments } from './check/definitions.ts';
import { closest } from './check/scope.ts';
import type { Argument, Data, Expression, Generate, Model, Train } from './generated/ast.ts';
import { besides, rangeOf, rangeOfProperty, textOf } from './places.ts';
import { SettingsReader, wordOf } from './settings-reader.ts';

export interface DataStatement {
  readonly name: string;
  /** Absent where something is wrong with it. */
  readonly source?: DataSource;
  readonly range: SourceRange;
}

export interface TrainStatement {
  readonly model: string;
  /** For inputs that are no data. */
  readonly arguments: ModelArguments;
  /** The name of the data. */
  readonly data: string;
  /** Absent where something is wrong with it. */
  readonly settings?: TrainSettings;
  readonly range: SourceRange;
}

export interface GenerateStatement {
  readonly model: string;
  readonly settings?: GenerateSettings;
  readonly range: SourceRange;
}

export interface Statements {
  readonly data: readonly DataStatement[];
  readonly trains: readonly TrainStatement[];
  readonly generates: readonly GenerateStatement[];
  readonly faults: readonly Fault[];
}

interface Items {
  readonly data: readonly Data[];
  readonly trains: readonly Train[];
  readonly generates: readonly Generate[];
  readonly models: readonly Model[];
  /** Names that may be given for a cell. */
  readonly isCell: (name: string) => boolean;
}

export function readStatements(items: Items, uri: string): Statements {
  const faults: Fault[] = [];
  const report = (fault: Fault): void => {
    faults.push(fault);
  };
  const data = items.data.map((item): DataStatement => {
    const source = dataSource(item, uri, report);
    return { name: item.name, range: rangeOf(item, uri), ...(source === undefined ? {} : { source }) };
  });
  once(items.data, uri, report);
  const trains = items.trains.map((item) => train(item, items, uri, report));
  const generates = items.generates.map((item) => generate(item, items, uri, report));
  return { data, trains, generates, faults };
}

function once(data: readonly Data[], uri: string, report: (fault: Fault) => void): void {
  const seen = new Set<string>();
  for (const item of data) {
    if (seen.has(item.name))
      report({
        range: rangeOfProperty(item, 'name', uri),
        severity: 'error',
        code: 'given-twice',
        message: `Data \`${item.name}\` is given twice.`,
      });
    seen.add(item.name);
  }
}

// --------------------------------------------------------------------------------------------------------------------- data

const laterSources = ['table', 'series', 'pairs', 'dialogue', 'images', 'arrays'];
const tasks = ['adding', 'copying', 'repeating', 'temporal_order', 'parity', 'flip_flop', 'embedded_reber', 'dates', 'shapes'];

function dataSource(item: Data, uri: string, report: (fault: Fault) => void): DataSource | undefined {
  const { source } = item;
  if (source === undefined) return undefined;
  const said = wordOf(source);
  const range = rangeOf(source, uri);
  const all = ['text', ...laterSources, ...tasks];
  if (said === undefined || !all.includes(said.word)) {
    const meant = said === undefined ? undefined : closest(said.word, all);
    const hint = meant === undefined ? ' As in text("book.txt", by: char).' : ` Did you mean \`${meant}\`?`;
    report({ range, severity: 'error', code: 'data', message: `\`${textOf(source)}\` is no source of data.${hint}` });
    return undefined;
  }
  if (said.word !== 'text') {
    report({
      range,
      severity: 'error',
      code: 'not-yet',
      message: `\`${said.word}\` is not supported by this version: data is text("file.txt", by: char) or by: word.`,
    });
    return undefined;
  }
  const given = said.call?.arguments ?? [];
  const reader = new SettingsReader(given, 'text', ['by', 'lower', 'minimum', 'validation', 'test', 'split', 'seed'], uri, report);
  const positional = given.filter(({ name }) => name === undefined);
  const [file, ...more] = positional;
  for (const each of more) reader.fault(each, 'text takes one file; its settings are named, as in `by: char`.');
  if (file?.value.$type !== 'StringLiteral' || file.value.value === '') {
    reader.fault(file ?? source, 'text takes the name of a file in quotes, as in text("book.txt", by: char).');
    return undefined;
  }
  reader.later(['test', 'split'], 'error');
  const by = reader.value('by');
  const cut = by === undefined ? undefined : wordOf(by);
  if (by !== undefined && cut?.word === 'pieces')
    reader.fault(by, '`pieces` is not supported by this version: `by: char` or `by: word`.', 'not-yet');
  const unit = cut?.word === 'pieces' ? undefined : reader.word('by', ['char', 'word']);
  const lower = reader.boolean('lower') ?? false;
  const minimum = reader.number('minimum', { least: 1, whole: true }) ?? 1;
  const validation = reader.number('validation', { least: 0, below: 1 }) ?? 0.1;
  reader.number('seed', { least: 0, whole: true });
  return reader.isSound
    ? { kind: 'text', path: besides(uri, file.value.value), by: unit ?? 'char', lower, minimum, validation, test: 0, seed: 1 }
    : undefined;
}

// -------------------------------------------------------------------------------------------------------------------- train

/** In the order of SPEC section 6. */
export const trainSettings = [
  ...['epochs', 'steps', 'batch', 'window', 'optimizer', 'clip', 'clip_value', 'decay', 'teacher', 'stop', 'report', 'freeze', 'start'],
  ...['seed', 'device', 'samples'],
] as const;
export const devices = ['auto', 'cpu', 'webgpu', 'cuda', 'directml', 'coreml'] as const;
const optimizers = ['sgd', 'rmsprop', 'adam', 'adamw'] as const;

function train(item: Train, items: Items, uri: string, report: (fault: Fault) => void): TrainStatement {
  const reader = new SettingsReader(item.settings, 'train', trainSettings, uri, report);
  const model = modelOf(item, items, reader, uri, report);
  const given = argumentsOf(item, model, items, reader);
  if (model !== undefined && !model.lines.some((line) => line.$type === 'Equation' && line.name === 'loss')) {
    reader.fault(
      item,
      `Model ${model.name} has no line \`loss\`: it runs, but cannot be trained. Add loss = cross_entropy(logits, next(...)).`,
      'no-loss',
    );
  }
  if (item.data === undefined) reader.fault(item, `\`train ${item.model}\` needs its data: train ${item.model} on NAME { ... }.`);
  else checkData(item, model, items, reader, uri, report);

  reader.later(['teacher', 'stop', 'freeze', 'start'], 'error');
  reader.later(['report', 'samples'], 'warning');
  const positive = { least: 1, whole: true };
  const epochs = reader.number('epochs', positive);
  const steps = reader.number('steps', positive);
  if (epochs !== undefined && steps !== undefined)
    reader.fault(reader.value('steps')!, 'Either `epochs` or `steps` says how long to train, not both.');
  const batch = reader.number('batch', positive) ?? 32;
  const window = reader.number('window', positive) ?? 64;
  const decay = reader.number('decay', { least: 0 });
  const optimizer = optimizerOf(reader);
  const clip = reader.number('clip', { above: 0 });
  const clipValue = reader.number('clip_value', { above: 0 });
  const seed = reader.number('seed', { least: 0, whole: true }) ?? 1;
  const device = reader.word('device', devices) ?? 'auto';
  const settings: TrainSettings = {
    ...(steps === undefined ? { epochs: epochs ?? 1 } : { steps }),
    batch,
    window,
    optimizer: decay === undefined ? optimizer : { ...optimizer, decay },
    ...(clip === undefined ? {} : { clip }),
    ...(clipValue === undefined ? {} : { clipValue }),
    seed,
    device,
  };
  const base = { model: item.model, arguments: given, data: item.data ?? '', range: rangeOf(item, uri) };
  return reader.isSound ? { ...base, settings } : base;
}

function modelOf(
  item: Train | Generate,
  items: Items,
  reader: SettingsReader,
  uri: string,
  report: (fault: Fault) => void,
): Model | undefined {
  const model = items.models.find(({ name }) => name === item.model);
  if (model === undefined) {
    const meant = closest(
      item.model,
      items.models.map(({ name }) => name),
    );
    const message = `There is no model \`${item.model}\` in this file.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`;
    report({ range: rangeOfProperty(item, 'model', uri), severity: 'error', code: 'unknown-name', message });
    reader.isSound = false;
  }
  return model;
}

function checkData(
  item: Train,
  model: Model | undefined,
  items: Items,
  reader: SettingsReader,
  uri: string,
  report: (fault: Fault) => void,
): void {
  const data = items.data.find(({ name }) => name === item.data);
  const range = rangeOfProperty(item, 'data', uri);
  if (data === undefined) {
    const meant = closest(
      item.data!,
      items.data.map(({ name }) => name),
    );
    const message = `There is no data \`${item.data}\` in this file.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`;
    report({ range, severity: 'error', code: 'unknown-name', message });
    reader.isSound = false;
    return;
  }
  const isText = data.source !== undefined && wordOf(data.source)?.word === 'text';
  if (!isText || model === undefined) return;
  const inputs = model.inputs.filter(
    (input) => input.$type === 'ValueInput' && (input.type?.$type === 'TensorType' || input.type?.$type === 'ClassType'),
  );
  const [first] = inputs;
  const isSequence =
    first?.$type === 'ValueInput' &&
    first.type?.$type === 'TensorType' &&
    first.type.dimensions.length === 1 &&
    first.type.classes !== undefined;
  if (inputs.length === 1 && isSequence) return;
  const names = inputs.map(({ name }) => name).join(' and ') || 'none';
  report({
    range,
    severity: 'error',
    code: 'data',
    message: `\`text\` gives one sequence of classes, for an input like input: [T] of Char; model ${model.name} has ${inputs.length === 1 ? `the input ${names}, which is none` : `the inputs ${names}`}.`,
  });
  reader.isSound = false;
}

/** The arguments that a statement gives a model: a number, true or false, the name of a cell or function. */
function argumentsOf(item: Train | Generate, model: Model | undefined, items: Items, reader: SettingsReader): ModelArguments {
  const plain: Record<string, string | number | boolean> = {};
  for (const argument of item.arguments) {
    const { name, value } = argument;
    if (name === undefined) {
      reader.fault(argument, 'The arguments of a model are named, as in (unit: gru).');
      continue;
    }
    const known = (model?.inputs ?? []).filter(
      (input) => input.$type === 'SizeInput' || input.type?.$type === 'CellType' || input.type === undefined,
    );
    if (model !== undefined && !known.some((input) => input.name === name)) {
      const meant = closest(
        name,
        known.map((input) => input.name),
      );
      reader.fault(
        argument,
        `Model ${model.name} has no input \`${name}\` that could be given here.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`,
        'argument',
      );
      continue;
    }
    const isCell = known.find((input) => input.name === name);
    const wantsCell = isCell?.$type === 'ValueInput' && isCell.type?.$type === 'CellType';
    plainValue(argument, name, value, wantsCell, items, reader, plain);
  }
  for (const input of model?.inputs ?? []) {
    const isOpen = input.fallback === undefined && (input.$type === 'SizeInput' || input.type?.$type === 'CellType');
    if (isOpen && !item.arguments.some(({ name }) => name === input.name))
      reader.fault(
        item,
        `Model ${model!.name} needs \`${input.name}\`, as in ${item.$type === 'Train' ? 'train' : 'generate'} ${model!.name}(${input.name}: ${input.$type === 'SizeInput' ? '128' : 'gru'}).`,
        'argument',
      );
  }
  return plain;
}

function plainValue(
  argument: Argument,
  name: string,
  value: Expression,
  wantsCell: boolean,
  items: Items,
  reader: SettingsReader,
  plain: Record<string, string | number | boolean>,
): void {
  if (value.$type === 'Brackets') {
    reader.fault(value, 'A list of cells to compare is not supported by this version: write one `train` for each.', 'not-yet');
    return;
  }
  if (wantsCell) {
    if (value.$type === 'Reference' && items.isCell(value.name)) plain[name] = value.name;
    else reader.fault(value, `\`${name}\` takes the name of a cell, and nothing is called \`${textOf(value)}\`.`, 'unknown-name');
    return;
  }
  const number = value.$type === 'NumberLiteral' ? value.value : undefined;
  if (number !== undefined) plain[name] = number;
  else if (value.$type === 'BooleanLiteral') plain[name] = value.value === 'true';
  else if (value.$type === 'Reference') plain[name] = value.name;
  else reader.fault(argument, `\`${name}\` takes a number, true, false, or a name.`, 'argument');
}

function optimizerOf(reader: SettingsReader): Optimizer {
  const fallback: Optimizer = { kind: 'adam', rate: 0.001 };
  const node = reader.value('optimizer');
  if (node === undefined) return fallback;
  const said = wordOf(node);
  const kind = optimizers.find((each) => each === said?.word);
  if (kind === undefined) {
    const meant = said === undefined ? undefined : closest(said.word, optimizers);
    reader.fault(
      node,
      `\`${textOf(node)}\` is no optimizer. It is sgd, rmsprop, adam or adamw, as in adam(0.001).${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`,
    );
    return fallback;
  }
  const given = said!.call?.arguments ?? [];
  const rate = given.find(({ name }) => name === undefined);
  const options: Record<string, number> = {};
  const allowed = kind === 'sgd' || kind === 'rmsprop' ? ['momentum', 'decay'] : ['decay'];
  for (const argument of given) {
    if (argument === rate) continue;
    if (argument.name === undefined || !allowed.includes(argument.name)) {
      reader.fault(argument, `${kind} takes a learning rate${allowed.map((name) => ` and \`${name}:\``).join('')}, as in ${kind}(0.001).`);
      continue;
    }
    const value = reader.checked(
      argument.value,
      `\`${argument.name}\``,
      argument.name === 'momentum' ? { least: 0, below: 1 } : { least: 0 },
    );
    if (value !== undefined) options[argument.name] = value;
  }
  return { kind, rate: rateOf(rate?.value, node, kind, reader), ...options };
}

function rateOf(node: Expression | undefined, whole: Expression, kind: Optimizer['kind'], reader: SettingsReader): number {
  const usual = kind === 'sgd' ? 0.1 : 0.001;
  if (node === undefined) {
    if (whole.$type === 'Call') reader.fault(whole, `${kind} takes a learning rate, as in ${kind}(${usual}).`);
    return usual;
  }
  const schedule = wordOf(node)?.word;
  if (schedule === 'cosine' || schedule === 'step' || schedule === 'plateau') {
    reader.fault(node, `A learning rate that changes (\`${schedule}\`) is not supported by this version: write a number.`, 'not-yet');
    return usual;
  }
  return reader.checked(node, 'The learning rate', { above: 0 }) ?? usual;
}

// ----------------------------------------------------------------------------------------------------------------- generate

export const generateSettings = ['search', 'length', 'prompt', 'unknown'] as const;

function generate(item: Generate, items: Items, uri: string, report: (fault: Fault) => void): GenerateStatement {
  const reader = new SettingsReader(item.settings, 'generate', generateSettings, uri, report);
  const model = modelOf(item, items, reader, uri, report);
  argumentsOf(item, item.arguments.length === 0 ? undefined : model, items, reader);
  reader.later(['unknown'], 'error');
  const length = reader.number('length', { least: 1, whole: true }) ?? 200;
  const prompt = reader.text('prompt') ?? '';
  const search = searchOf(reader);
  const base = { model: item.model, range: rangeOf(item, uri) };
  return reader.isSound ? { ...base, settings: { search, length, prompt } } : base;
}

function searchOf(reader: SettingsReader): GenerateSettings['search'] {
  const usual = { kind: 'sample', temperature: 1 } as const;
  const node = reader.value('search');
  if (node === undefined) return usual;
  const said = wordOf(node);
  if (said?.word === 'greedy') return { kind: 'greedy' };
  if (said?.word === 'beam') {
    reader.fault(node, '`beam` is not supported by this version: search is greedy or sample(temperature: 0.8).', 'not-yet');
    return usual;
  }
  if (said?.word !== 'sample') {
    reader.fault(node, `\`search\` is greedy or sample(temperature: 0.8), not \`${textOf(node)}\`.`);
    return usual;
  }
  let temperature = 1;
  let topK: number | undefined;
  let topP: number | undefined;
  for (const argument of said.call?.arguments ?? []) {
    const { name, value } = argument;
    if (name === 'temperature') temperature = reader.checked(value, '`temperature`', { above: 0 }) ?? 1;
    else if (name === 'top_k') topK = reader.checked(value, '`top_k`', { least: 1, whole: true });
    else if (name === 'top_p') {
      topP = reader.checked(value, '`top_p`', { above: 0 });
      if (topP !== undefined && topP > 1) reader.fault(value, '`top_p` is a share, at most 1.');
    } else reader.fault(argument, 'sample takes `temperature:`, `top_k:` and `top_p:`.');
  }
  return { kind: 'sample', temperature, ...(topK === undefined ? {} : { topK }), ...(topP === undefined ? {} : { topP }) };
}

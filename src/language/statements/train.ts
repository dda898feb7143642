// What a `train` statement says. A list of cells, as in train Adding(unit: [rnn, lstm]), is a statement for each of them.

import type { Metric, TrainSettings } from '../../shared/settings.ts';
import { closest } from '../check/scope.ts';
import type { Expression, Model, Train } from '../generated/ast.ts';
import { besides, rangeOf, rangeOfProperty, textOf } from '../places.ts';
import { argumentsOf, modelOf } from './arguments.ts';
import { misfitOf } from './misfit.ts';
import { optimizerOf } from './optimizer.ts';
import { SettingsReader, wordOf } from './settings-reader.ts';
import type { Items, Report, TrainStatement } from './statements.ts';

/** In the order of SPEC section 6. */
export const trainSettings = [
  ...['epochs', 'steps', 'batch', 'window', 'optimizer', 'clip', 'clip_value', 'decay', 'teacher', 'stop', 'report', 'freeze', 'start'],
  ...['seed', 'device', 'samples'],
] as const;
export const devices = ['auto', 'cpu', 'webgpu', 'cuda', 'directml', 'coreml'] as const;

export const metricNames = [
  'accuracy',
  'f1',
  'confusion',
  'exact',
  'by_length',
  'perplexity',
  'bits',
  'bleu',
  'chrf',
  'rmse',
  'mae',
  'persistence',
  'seasonal',
] as const;

export function trainStatements(item: Train, place: number, items: Items, uri: string, report: Report): TrainStatement[] {
  const reader = new SettingsReader(item.settings, 'train', trainSettings, uri, report);
  const model = modelOf(item, items, reader, uri, report);
  const given = argumentsOf(item, model, items, reader);
  if (model !== undefined && lossLine(model) === undefined) {
    reader.fault(
      item,
      `Model ${model.name} has no line \`loss\`: it runs, but cannot be trained. Add loss = cross_entropy(logits, next(...)).`,
      'no-loss',
    );
  }
  if (item.data === undefined) reader.fault(item, `\`train ${item.model}\` needs its data: train ${item.model} on NAME { ... }.`);
  else checkData(item, model, items, reader, uri, report);
  const settings = settingsOf(item, model, items, reader, uri);
  return given.map(({ values, label }) => ({
    model: item.model,
    arguments: values,
    data: item.data ?? '',
    range: rangeOf(item, uri),
    item: place,
    ...(label === undefined ? {} : { label }),
    ...(reader.isSound ? { settings } : {}),
  }));
}

function settingsOf(item: Train, model: Model | undefined, items: Items, reader: SettingsReader, uri: string): TrainSettings {
  const positive = { least: 1, whole: true };
  const epochs = reader.number('epochs', positive);
  const steps = reader.number('steps', positive);
  if (epochs !== undefined && steps !== undefined)
    reader.fault(reader.value('steps')!, 'Either `epochs` or `steps` says how long to train, not both.');
  const batch = reader.number('batch', positive) ?? 32;
  const isText = isTextData(item, items);
  const window = reader.number('window', positive) ?? 64;
  if (reader.has('window') && !isText && item.data !== undefined)
    reader.fault(reader.value('window')!, '`window` cuts a running text; the examples of this data are taken whole.', 'setting', 'warning');
  const decay = reader.number('decay', { least: 0 });
  const optimizer = optimizerOf(reader);
  const clip = reader.number('clip', { above: 0 });
  const clipValue = reader.number('clip_value', { above: 0 });
  const teacher = teacherOf(reader, isText);
  const stop = stopOf(reader);
  const report = reportOf(reader, model, isText);
  const freeze = freezeOf(reader);
  const start = reader.text('start');
  const samples = reader.number('samples', { least: 0, whole: true });
  const seed = reader.number('seed', { least: 0, whole: true }) ?? 1;
  const device = reader.word('device', devices) ?? 'auto';
  return {
    ...(steps === undefined ? { epochs: epochs ?? (isText ? 1 : 10) } : { steps }),
    batch,
    window,
    optimizer: decay === undefined ? optimizer : { ...optimizer, decay },
    ...(clip === undefined ? {} : { clip }),
    ...(clipValue === undefined ? {} : { clipValue }),
    ...(teacher === undefined ? {} : { teacher }),
    ...(stop === undefined ? {} : { stop }),
    ...(report === undefined ? {} : { report }),
    ...(freeze === undefined ? {} : { freeze }),
    ...(start === undefined ? {} : { start: besides(uri, start) }),
    ...(samples === undefined ? {} : { samples }),
    seed,
    device,
  };
}

// --------------------------------------------------------------------------------------------------------------------- data

function isTextData(item: Train, items: Items): boolean {
  const data = items.data.find(({ name }) => name === item.data);
  return data?.source === undefined || wordOf(data.source)?.word === 'text';
}

function checkData(item: Train, model: Model | undefined, items: Items, reader: SettingsReader, uri: string, report: Report): void {
  const data = items.data.find(({ name }) => name === item.data);
  const range = rangeOfProperty(item, 'data', uri);
  if (data === undefined) {
    const meant = closest(
      item.data!,
      items.data.map(({ name }) => name),
    );
    const message = `There is no data \`${item.data}\` in this file.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`;
    report({ range, severity: 'error', code: 'unknown-name', message, ...(meant === undefined ? {} : { repair: meant }) });
    reader.isSound = false;
    return;
  }
  const source = data.source === undefined ? undefined : wordOf(data.source)?.word;
  const misfit = model === undefined || source === undefined ? undefined : misfitOf(source, model);
  if (misfit !== undefined) {
    report({ range, severity: 'error', code: 'data', message: misfit });
    reader.isSound = false;
  }
  if (source !== 'text' || model === undefined) return;
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

// ------------------------------------------------------------------------------------------------------------------ settings

/** teacher: 0.9 or teacher: ramp(1, 0.7, epochs: 5) */
function teacherOf(reader: SettingsReader, isText: boolean): TrainSettings['teacher'] {
  const node = reader.value('teacher');
  if (node === undefined) return undefined;
  if (isText) reader.fault(node, '`teacher` is for rows that are predicted; a running text is always read as it stands.');
  const share = (value: Expression): number | undefined => {
    const number = reader.checked(value, 'The probability of the truth', { least: 0 });
    if (number !== undefined && number > 1) reader.fault(value, 'The probability of the truth is at most 1.');
    return number;
  };
  const said = wordOf(node);
  if (said === undefined) {
    const always = share(node);
    return always === undefined ? undefined : { from: always, to: always, epochs: 0 };
  }
  const given = said.call?.arguments ?? [];
  const [from, to] = given.filter(({ name }) => name === undefined);
  const epochs = given.find(({ name }) => name === 'epochs');
  if (said.word !== 'ramp' || from === undefined || to === undefined || epochs === undefined || given.length !== 3) {
    reader.fault(
      node,
      '`teacher` is ramp(1, 0.7, epochs: 5): how often the truth is read at first, later, and from when on; or one number.',
    );
    return undefined;
  }
  const numbers = { from: share(from.value), to: share(to.value), epochs: reader.checked(epochs.value, '`epochs`', { above: 0 }) };
  return numbers.from === undefined || numbers.to === undefined || numbers.epochs === undefined
    ? undefined
    : { from: numbers.from, to: numbers.to, epochs: numbers.epochs };
}

/** stop: plateau(patience: 5) */
function stopOf(reader: SettingsReader): TrainSettings['stop'] {
  const node = reader.value('stop');
  if (node === undefined) return undefined;
  const said = wordOf(node);
  const [patience, ...more] = said?.call?.arguments ?? [];
  if (said?.word === 'plateau' && more.length === 0 && (patience === undefined || patience.name === 'patience')) {
    const number = patience === undefined ? 5 : reader.checked(patience.value, '`patience`', { least: 1, whole: true });
    return number === undefined ? undefined : { patience: number };
  }
  reader.fault(
    node,
    '`stop` is plateau(patience: 5): it ends the training where the validation loss has not fallen for so many validations.',
  );
  return undefined;
}

/** One metric or a list. What the loss does not allow to measure is said. */
function reportOf(reader: SettingsReader, model: Model | undefined, isText: boolean): readonly Metric[] | undefined {
  const node = reader.value('report');
  if (node === undefined) return undefined;
  const nodes = node.$type === 'Brackets' && !node.joined ? node.parts : [node];
  const loss = model === undefined ? undefined : lossFunction(model);
  const line = model === undefined ? undefined : lossLine(model);
  const writes = !isText && (line === undefined || /\bnext\s*\(/.test(textOf(line)));
  return nodes.flatMap((each) => {
    const metric = metricOf(each, loss, reader);
    if (!writes && (metric?.kind === 'bleu' || metric?.kind === 'chrf')) {
      reader.fault(
        each,
        `\`${metric.kind}\` compares rows that a model writes: its loss compares a line with next(...) of a row, and not of a running text.`,
      );
      return [];
    }
    return metric ?? [];
  });
}

function metricOf(node: Expression, loss: string | undefined, reader: SettingsReader): Metric | undefined {
  const said = wordOf(node);
  const name = metricNames.find((each) => each === said?.word);
  if (name === undefined) {
    const meant = said === undefined ? undefined : closest(said.word, metricNames);
    reader.fault(
      node,
      `\`${textOf(node)}\` is nothing to report. There is ${metricNames.join(', ')}.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`,
    );
    return undefined;
  }
  const wanted = wantedLoss[name];
  if (loss !== undefined && !wanted.includes(loss)) {
    reader.fault(node, `\`${name}\` needs a loss of ${wanted.join(', ').replace(/, ([^,]*)$/, ' or $1')}; this model's is ${loss}.`);
    return undefined;
  }
  if (name !== 'seasonal') {
    if (said!.call !== undefined) reader.fault(node, `\`${name}\` takes no arguments.`);
    return { kind: name };
  }
  const [period, ...more] = said!.call?.arguments ?? [];
  if (period === undefined || more.length > 0) {
    reader.fault(node, 'seasonal takes the length of the season in steps, as in seasonal(24).');
    return undefined;
  }
  const number = reader.checked(period.value, 'The season', { least: 1, whole: true });
  return number === undefined ? undefined : { kind: 'seasonal', period: number };
}

const ofClasses = ['cross_entropy'];
const ofNumbers = ['mse', 'mae', 'huber'];
const wantedLoss: Readonly<Record<Metric['kind'], readonly string[]>> = {
  accuracy: [...ofClasses, 'binary'],
  f1: [...ofClasses, 'binary'],
  confusion: ofClasses,
  exact: [...ofClasses, 'binary'],
  by_length: [...ofClasses, 'binary'],
  perplexity: ofClasses,
  bits: ofClasses,
  bleu: ofClasses,
  chrf: ofClasses,
  rmse: ofNumbers,
  mae: ofNumbers,
  persistence: ofNumbers,
  seasonal: ofNumbers,
};

const lossLine = (model: Model): Expression | undefined =>
  model.lines.flatMap((line) => (line.$type === 'Equation' && line.name === 'loss' ? [line.value] : []))[0];

/** The loss function that the model's lines use, the first of the line `loss`; undefined where it is not plain to see. */
function lossFunction(model: Model): string | undefined {
  const text = lossLine(model);
  const found = text === undefined ? null : /\b(cross_entropy|binary|mse|mae|huber)\s*\(/.exec(textOf(text));
  return found?.[1];
}

/** freeze: encoder or freeze: [encoder, x]. That the lines are there is said when the model is built. */
function freezeOf(reader: SettingsReader): readonly string[] | undefined {
  const node = reader.value('freeze');
  if (node === undefined) return undefined;
  const nodes = node.$type === 'Brackets' && !node.joined ? node.parts : [node];
  return nodes.flatMap((each) => {
    if (['Reference', 'Member', 'Subscript'].includes(each.$type)) return [textOf(each)];
    reader.fault(each, `\`freeze\` takes names of lines, as in freeze: [encoder], not \`${textOf(each)}\`.`);
    return [];
  });
}

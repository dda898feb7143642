// Where the language meets data and training: a `train` statement with its model and data, from a `.rnn` file or from a run's own source.

import { readFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { DataError, type Fault as DataFault } from '../data/errors.ts';
import { evaluationBatches, trainingBatches } from '../data/load.ts';
import type { Reading } from '../data/text-stream.ts';
import type { Model } from '../graph/model.ts';
import { buildModel, inputShapes, loadProgram, ModelFaults, type Program, type Read, type TrainStatement } from '../language/index.ts';
import { besides, rangeOf } from '../language/places.ts';
import type { Rewritable } from '../language/rewrite/chosen.ts';
import type { InputShape, KeptData } from '../shared/dataset.ts';
import { factsFile } from '../shared/network.ts';
import type { DataSource, GenerateSettings, TrainSettings } from '../shared/settings.ts';
import type { Fault, SourceRange } from '../shared/source.ts';
import { openRun, type Run } from '../training/run.ts';
import type { Job } from '../training/train.ts';
import { loadData } from './features.ts';

/** Where what can be wrong with a job's data stands in the source. */
export type Places = Readonly<Partial<Record<DataFault, SourceRange>>>;

/** A fault of the user's file, at its place. */
export class PlacedError extends Error {
  override name = 'PlacedError';
  readonly place: SourceRange | undefined;
  /** What of the data it is about, if it is. */
  readonly about: DataFault | undefined;

  constructor(message: string, place?: SourceRange, about?: DataFault) {
    super(message);
    this.place = place;
    this.about = about;
  }
}

/** Edition of the standard library that this version ships. */
const EDITION = 1;
/** Where a run keeps the library: no file of a user's has this path. */
const LIBRARY = '@std';

/** A job with what else its source says. */
export interface OpenedJob extends Job {
  /** The model for whole sequences: no row of a batch ends before another. */
  readonly whole: Model;
  readonly shapes: readonly InputShape[];
  readonly generate?: GenerateSettings;
  readonly places: Places;
}

/** A `train` statement of a file, the first unless told otherwise. Throws PlacedError. */
export async function openJob(file: string, statement = 0, reading?: Reading, read: Read = readSource): Promise<OpenedJob> {
  const program = await loadProgram(file, read);
  const { train, settings, data } = statementOf(program, statement);
  const places = placesOf(program, train);
  return placing(places, async () => {
    const dataset = await loadData(data, inputShapes(program, train), undefined, reading);
    const model = batched(modelOf(program, train, dataset, dataset.ragged), dataset);
    const label = train.label === undefined ? {} : { label: train.label };
    const whole = dataset.ragged.length === 0 ? model : modelOf(program, train, dataset, []);
    const said = generateOf(program, train);
    const shapes = inputShapes(program, train);
    return {
      model,
      whole,
      shapes,
      data: dataset,
      settings,
      file,
      statement,
      ...label,
      ...said,
      ...sourcesOf(program),
      edition: EDITION,
      places,
    };
  });
}

/** Which model of a file: that of a `train` statement, from 0, or the first statement that trains a model of this name, or the first. */
export interface ModelChoice {
  readonly model?: string;
  readonly statement?: number;
}

/** A model of a file for whole sequences, with the data of the `train` statement. `read`: where texts are changed before they are read. Throws PlacedError. */
export async function openModelJob(
  file: string,
  choice: ModelChoice = {},
  read: Read = readSource,
): Promise<Pick<RunModel, 'model' | 'shapes'> & { readonly data: Dataset; readonly settings: TrainSettings }> {
  const program = await loadProgram(file, read);
  const statement = statementNumber(program, choice);
  const { train, settings, data: source } = statementOf(program, statement);
  return placing(placesOf(program, train), async () => {
    const shapes = inputShapes(program, train);
    const data = await loadData(source, shapes);
    return { model: modelOf(program, train, data, []), shapes, data, settings };
  });
}

/** A file with one of its `train` statements and the model of it, for changes of the source; `kept`: what is known of the data. Throws PlacedError. */
export async function openRewritable(file: string, choice: ModelChoice, kept: KeptData): Promise<Rewritable> {
  const program = await loadProgram(file, readSource);
  const { train } = statementOf(program, statementNumber(program, choice));
  return { program, train, model: modelOf(program, train, kept, []) };
}

/** The number of the `train` statement that is meant. Throws PlacedError. */
export const statementOfFile = async (file: string, choice: ModelChoice): Promise<number> =>
  statementNumber(await loadProgram(file, readSource), choice);

function statementNumber({ path, statements }: Program, { model, statement }: ModelChoice): number {
  if (statement !== undefined || model === undefined) return statement ?? 0;
  const found = statements.trains.findIndex((train) => train.model === model);
  if (found < 0) throw new PlacedError(`${basename(path)} has no train statement for ${model}, which would name its data.`);
  return found;
}

/** A run, and its model as the source that it keeps has it: needs neither the file nor the data that it was trained on. */
export interface RunModel {
  readonly run: Run;
  /** For whole sequences: no row of a batch ends before another. */
  readonly model: Model;
  /** The model for rows that are written side by side: what they read ends where it ends. What they write has no padding. */
  readonly padded: () => Model;
  readonly shapes: readonly InputShape[];
  readonly places: Places;
  /** What the source says of generating, if anything. */
  readonly generate?: GenerateSettings;
}

/** Throws PlacedError and RunError. */
export async function openRunModel(folder: string): Promise<RunModel> {
  const run = await openRun(folder);
  const { program, train } = await programOfRun(run);
  const model = modelOf(program, train, run.data, []);
  const written = model.inputs.find(({ name }) => name === model.prediction?.input)?.value.type.axes[0]?.size;
  const ragged = run.data.ragged.filter((dimension) => dimension !== written);
  return {
    run,
    model,
    padded: () => (ragged.length === 0 ? model : modelOf(program, train, run.data, ragged)),
    shapes: inputShapes(program, train),
    places: placesOf(program, train),
    ...generateOf(program, train),
  };
}

/** The job of a run, to go on with it; its data must be where it was. Throws PlacedError and RunError. */
export async function openRunJob(folder: string, reading?: Reading): Promise<OpenedJob> {
  const run = await openRun(folder);
  const { program, train } = await programOfRun(run);
  const { settings, file, statement, main, edition, data: source, digest, label } = run.record;
  const places = placesOf(program, train);
  return placing(places, async () => {
    const data = await loadData(source, inputShapes(program, train), run.data, reading);
    if (data.digest !== digest) throw dataChanged(source);
    const model = batched(modelOf(program, train, data, data.ragged), data);
    const whole = data.ragged.length === 0 ? model : modelOf(program, train, data, []);
    const more = { ...(label === undefined ? {} : { label }), ...generateOf(program, train) };
    const shapes = inputShapes(program, train);
    return { model, whole, shapes, data, settings, file, statement, ...more, sources: run.sources, main, edition, places };
  });
}

/** The `train` statements of a file, in order. */
export const trainsOf = async (file: string): Promise<readonly TrainStatement[]> => (await loadProgram(file, readSource)).statements.trains;

/** What is wrong with the data of a file's `train` statements, or with their settings for it. `remark` is told what else a person should know of the data:
 *  what was left out, what is missing. */
export async function dataFaults(file: string, remark?: (text: string) => void): Promise<PlacedError[]> {
  const { statements } = await loadProgram(file, readSource);
  const found: PlacedError[] = [];
  const said = new Set<string>();
  for (const statement of statements.trains.keys()) {
    try {
      const { data, settings, places } = await openJob(file, statement);
      for (const text of data.remarks) if (!said.has(text)) remark?.(text);
      for (const text of data.remarks) said.add(text);
      await placing(places, async () => {
        trainingBatches(data, settings);
        evaluationBatches(data, 'validation', settings);
        evaluationBatches(data, 'test', settings);
      });
    } catch (error) {
      if (!(error instanceof PlacedError)) throw error;
      found.push(error);
    }
  }
  return found;
}

/** Whether the file, or one that it uses, is not what it was when the run began. */
export async function sourceChanged({ file, sources }: Job): Promise<boolean> {
  const now = await loadProgram(file, readSource).then(sourcesOf, () => undefined);
  const own = [...sources].filter(([name]) => !name.startsWith(LIBRARY));
  return now === undefined || own.some(([name, text]) => now.sources.get(name) !== text);
}

/** What went wrong with a job, at its place in the source. */
export function placed(error: unknown, places: Places): unknown {
  if (error instanceof ModelFaults) return faultsError(error.faults);
  return error instanceof DataError ? new PlacedError(error.message, places[error.about] ?? places.data, error.about) : error;
}

interface Statement {
  readonly train: TrainStatement;
  readonly settings: TrainSettings;
  readonly data: DataSource;
}

function statementOf({ path, statements, unsound, faults }: Program, statement: number): Statement {
  if (unsound.length > 0) throw faultsError(unsound);
  const { trains, data } = statements;
  const name = basename(path);
  if (trains.length === 0) throw new PlacedError(`${name} has no train statement. Write one, such as: train Model on data { epochs: 5 }`);
  const train = trains[statement];
  if (train === undefined) throw new PlacedError(`${name} has train statements 0 to ${trains.length - 1}, and no ${statement}.`);
  const source = data.find((each) => each.name === train.data)?.source;
  if (train.settings !== undefined && source !== undefined) return { train, settings: train.settings, data: source };
  throw faultsError(faults.filter(({ severity }) => severity === 'error'));
}

/** What a source says of generating with the model, if anything. */
function generateOf({ statements }: Program, { model: name }: TrainStatement): { readonly generate?: GenerateSettings } {
  const found = statements.generates.find(({ model }) => model === name)?.settings;
  return found === undefined ? {} : { generate: found };
}

/** The program of a run, and its `train` statement. */
export async function programOfRun({ folder, record }: Run): Promise<{ program: Program; train: TrainStatement }> {
  const source = join(folder, 'source');
  const program = await loadProgram(join(source, record.main), readSource, { library: join(source, LIBRARY) });
  return { program, train: statementOf(program, record.statement).train };
}

/** The model with as many classes as the data has, and the lengths that the data binds. */
function modelOf(program: Program, train: TrainStatement, { vocabularies, sizes }: KeptData, ragged: readonly string[]): Model {
  const counts = Object.entries(vocabularies).map(([dimension, { tokens }]) => [dimension, tokens.length] as const);
  const classes = { ...sizes, ...Object.fromEntries(counts) };
  return buildModel(program, { model: train.model, arguments: train.arguments, classes, ragged });
}

/** With the inputs that batches have: what only networks read is none of them. */
function batched(model: Model, { inputs }: Dataset): Model {
  const read = new Set(model.graph.nodes.flatMap((node) => node.inputs));
  return { ...model, inputs: model.inputs.filter(({ name, value }) => read.has(value) || inputs.some((each) => each.name === name)) };
}

function placesOf({ main, statements }: Program, train: TrainStatement): Places {
  const node = main.tree.items.filter((item) => item.$type === 'Train')[train.item];
  const setting = (name: string): SourceRange => {
    const found = node?.settings.find((each) => each.name === name);
    return found === undefined ? train.range : rangeOf(found.value, main.uri);
  };
  const data = statements.data.find(({ name }) => name === train.data)?.range;
  return {
    window: setting('window'),
    batch: setting('batch'),
    ...(data === undefined ? {} : { data, minimum: data, columns: data, missing: data }),
  };
}

async function placing<Result>(places: Places, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } catch (error) {
    throw placed(error, places);
  }
}

function faultsError([first, ...more]: readonly Fault[]): PlacedError {
  const others = more.length === 0 ? '' : ` (and ${more.length === 1 ? 'another error' : `${more.length} other errors`})`;
  return new PlacedError(`${first!.message}${others}`, first!.range);
}

const dataChanged = (source: DataSource): DataError =>
  new DataError(
    'data',
    `${source.kind === 'task' ? source.task : basename(source.path)} has changed since the run began. Bring the old data back, or train anew.`,
  );

/** The file and those it uses, from the folder that they have in common; the library under a name of its own. */
function sourcesOf(program: Program): { sources: ReadonlyMap<string, string>; main: string } {
  const own = program.files.filter(({ isLibrary }) => !isLibrary);
  const networks = [...(program.main.networks ?? [])].map(([written, facts]) => [besides(program.main.uri, written), facts] as const);
  const paths = [...own.map(({ uri }) => uri), ...networks.map(([path]) => path)];
  const shared = paths.map((path): readonly string[] => dirname(path).split(/[\\/]/)).reduce(commonStart);
  const nameOf = (uri: string): string => relative(shared.join('/') || '/', uri).replaceAll(sep, '/');
  const sources = new Map(own.map(({ uri, text }) => [nameOf(uri), text]));
  for (const [path, facts] of networks) sources.set(nameOf(factsFile(path)), JSON.stringify(facts));
  for (const { uri, text, isLibrary } of program.files) if (isLibrary) sources.set(`${LIBRARY}/${basename(uri)}`, text);
  return { sources, main: nameOf(program.main.uri) };
}

function commonStart(a: readonly string[], b: readonly string[]): readonly string[] {
  const differs = a.findIndex((part, k) => part !== b[k]);
  return differs < 0 ? a : a.slice(0, differs);
}

export async function readSource(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new PlacedError(error.code === 'ENOENT' ? `There is no file ${path}.` : `${path} could not be read: ${error.message}`);
  });
}

// Where the language meets data and training: a `train` statement with its model and text, from a `.rnn` file or from a run's own source.

import { readFile } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { DataError, type Fault as DataFault } from '../data/errors.ts';
import { loadText } from '../data/text.ts';
import type { Vocabulary } from '../data/vocabulary.ts';
import { trainingWindows, validationWindows } from '../data/windows.ts';
import type { Model } from '../graph/model.ts';
import { show } from '../language/check/dimensions.ts';
import { buildModel, loadProgram, ModelFaults, type Program, type TrainStatement } from '../language/index.ts';
import { rangeOf } from '../language/places.ts';
import type { GenerateSettings, TextSource, TrainSettings } from '../shared/settings.ts';
import type { Fault, SourceRange } from '../shared/source.ts';
import { openRun, type Run } from '../training/run.ts';
import type { Job } from '../training/train.ts';

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

/** A `train` statement of a file, the first unless told otherwise. Throws PlacedError. */
export async function openJob(file: string, statement = 0): Promise<Job & { readonly places: Places }> {
  const program = await loadProgram(file, readSource);
  const { train, settings, data } = statementOf(program, statement);
  const places = placesOf(program, train);
  return placing(places, async () => {
    const corpus = await loadText(data);
    const model = modelOf(program, train, corpus.vocabulary);
    return { model, corpus, settings, file, statement, ...sourcesOf(program), edition: EDITION, places };
  });
}

/** The first `train` statement of a file that trains this model, or any. Throws PlacedError. */
export async function openModelJob(file: string, model?: string): Promise<Job & { readonly places: Places }> {
  if (model === undefined) return openJob(file);
  const { statements } = await loadProgram(file, readSource);
  const statement = statements.trains.findIndex((train) => train.model === model);
  if (statement < 0) throw new PlacedError(`${basename(file)} has no train statement for ${model}, which would name its data.`);
  return openJob(file, statement);
}

/** A run, and its model as the source that it keeps has it: needs neither the file nor the text that it was trained on. */
export interface RunModel {
  readonly run: Run;
  readonly model: Model;
  readonly places: Places;
  /** What the source says of generating, if anything. */
  readonly generate?: GenerateSettings;
}

/** Throws PlacedError and RunError. */
export async function openRunModel(folder: string): Promise<RunModel> {
  const run = await openRun(folder);
  const source = join(folder, 'source');
  const program = await loadProgram(join(source, run.record.main), readSource, { library: join(source, LIBRARY) });
  const { train } = statementOf(program, run.record.statement);
  const generate = program.statements.generates.find(({ model }) => model === train.model)?.settings;
  const model = modelOf(program, train, run.vocabulary);
  return { run, model, places: placesOf(program, train), ...(generate === undefined ? {} : { generate }) };
}

/** The job of a run, to go on with it; its text must be where it was. Throws PlacedError and RunError. */
export async function openRunJob(folder: string): Promise<Job & { readonly places: Places }> {
  const { run, model, places } = await openRunModel(folder);
  const { settings, file, statement, main, edition, data, digest } = run.record;
  return placing(places, async () => {
    const corpus = await loadText(data, run.vocabulary);
    if (corpus.digest !== digest) throw textChanged(data.path);
    return { model, corpus, settings, file, statement, sources: run.sources, main, edition, places };
  });
}

/** What is wrong with the data of a file's `train` statements, or with their settings for it. */
export async function dataFaults(file: string): Promise<PlacedError[]> {
  const { statements } = await loadProgram(file, readSource);
  const found: PlacedError[] = [];
  for (const statement of statements.trains.keys()) {
    try {
      const { corpus, settings, places } = await openJob(file, statement);
      await placing(places, async () => {
        trainingWindows(corpus, settings.batch, settings.window);
        validationWindows(corpus, settings.batch, settings.window);
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
  readonly data: TextSource;
}

function statementOf({ path, statements, unsound, faults }: Program, statement: number): Statement {
  if (unsound.length > 0) throw faultsError(unsound);
  const { trains, data } = statements;
  const name = basename(path);
  if (trains.length === 0) throw new PlacedError(`${name} has no train statement. Write one, such as: train Model on data { epochs: 5 }`);
  const train = trains[statement];
  if (train === undefined) throw new PlacedError(`${name} has train statements 0 to ${trains.length - 1}, and no ${statement}.`);
  const source = data.find((each) => each.name === train.data)?.source;
  if (train.settings !== undefined && source?.kind === 'text') return { train, settings: train.settings, data: source };
  throw faultsError(faults.filter(({ severity }) => severity === 'error'));
}

/** The model with as many classes as the text has tokens. */
function modelOf(program: Program, train: TrainStatement, { tokens }: Vocabulary): Model {
  const { inputs } = program.instances.get(program.model(train.model))!;
  const classes: Record<string, number> = {};
  for (const { type } of inputs.map(({ binding }) => binding))
    if (type.kind === 'tensor' && type.classes !== undefined) classes[show(type.classes)] = tokens.length;
  return buildModel(program, { model: train.model, arguments: train.arguments, classes });
}

function placesOf({ main, statements }: Program, train: TrainStatement): Places {
  const node = main.tree.items.filter((item) => item.$type === 'Train')[statements.trains.indexOf(train)];
  const setting = (name: string): SourceRange => {
    const found = node?.settings.find((each) => each.name === name);
    return found === undefined ? train.range : rangeOf(found.value, main.uri);
  };
  const data = statements.data.find(({ name }) => name === train.data)?.range;
  return { window: setting('window'), batch: setting('batch'), ...(data === undefined ? {} : { data, minimum: data }) };
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

const textChanged = (path: string): DataError =>
  new DataError('data', `${basename(path)} has changed since the run began. Bring the old text back, or train anew.`);

/** The file and those it uses, from the folder that they have in common; the library under a name of its own. */
function sourcesOf(program: Program): { sources: ReadonlyMap<string, string>; main: string } {
  const own = program.files.filter(({ isLibrary }) => !isLibrary);
  const shared = own.map(({ uri }): readonly string[] => dirname(uri).split(/[\\/]/)).reduce(commonStart);
  const nameOf = (uri: string): string => relative(shared.join('/') || '/', uri).replaceAll(sep, '/');
  const sources = new Map(own.map(({ uri, text }) => [nameOf(uri), text]));
  for (const { uri, text, isLibrary } of program.files) if (isLibrary) sources.set(`${LIBRARY}/${basename(uri)}`, text);
  return { sources, main: nameOf(program.main.uri) };
}

function commonStart(a: readonly string[], b: readonly string[]): readonly string[] {
  const differs = a.findIndex((part, k) => part !== b[k]);
  return differs < 0 ? a : a.slice(0, differs);
}

async function readSource(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new PlacedError(error.code === 'ENOENT' ? `There is no file ${path}.` : `${path} could not be read: ${error.message}`);
  });
}

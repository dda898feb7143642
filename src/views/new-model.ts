// `Unroll: New Model`: from a template and, if there is one, a file of one's own to a model that stands without faults.

import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import * as vscode from 'vscode';
import { type Column, filled, modelName, numbersAStep, type OwnData } from '../templates/fill.ts';
import { type DataKind, readSource, readTemplates, type SampleData, type Source, type Template } from '../templates/templates.ts';
import { type Answer, ask, back, choose, chooseMany, type Item, type Question, write } from './steps.ts';

export interface NewModelTools {
  /** The folder of the extension. */
  readonly root: string;
  /** Of a table: throws what is wrong with it. */
  readonly columnsOf: (path: string) => Promise<readonly Column[]>;
  /** Remembers the last folder. */
  readonly memory: vscode.Memento;
}

const FOLDER = 'newModel.folder';

/** What has been answered so far. */
interface Answers {
  readonly template?: Template;
  readonly source?: Source;
  /** The sample, or a path of one's own. */
  readonly data?: { readonly kind: 'sample' } | { readonly kind: 'own'; readonly path: string; readonly columns: readonly Column[] };
  readonly input?: string;
  readonly past?: readonly string[];
  readonly answer?: string;
  readonly steps?: number;
  readonly folder?: string;
  readonly name?: string;
}

/** Asks, writes the files, and opens the model. `where`: the folder that it was asked for in. The new file; undefined where the user gave up. */
export async function newModel(tools: NewModelTools, where?: vscode.Uri): Promise<vscode.Uri | undefined> {
  const templates = await readTemplates(tools.root);
  const answers = await ask<Answers>(where === undefined ? {} : { folder: where.fsPath }, (state) => due(state, templates, tools));
  return answers === undefined ? undefined : create(answers, tools);
}

/** The question that is due. */
function due(state: Answers, templates: readonly Template[], tools: NewModelTools): Question<Answers> | undefined {
  const { template, source, data } = state;
  if (template === undefined) return whichTemplate(templates);
  if (template.tasks !== undefined) {
    if (source === undefined) return whichTask(template.tasks);
  } else {
    if (data === undefined) return whichData(template, template.data, tools);
    if (data.kind === 'own') {
      const question = whichColumns(template, template.data.kind, data.path, data.columns, state);
      if (question !== undefined) return question;
    }
  }
  if (state.folder === undefined) return whichFolder(state, tools);
  if (state.name === undefined) return whichName(state, template, state.folder);
  return undefined;
}

// ---------------------------------------------------------------------------------------------------------------- questions

const TITLE = 'New Model';

const whichTemplate =
  (templates: readonly Template[]): Question<Answers> =>
  async (place) => {
    const items = templates.map(
      (template): Item<Template> => ({
        label: `$(${template.icon}) ${template.title}`,
        description: template.description,
        detail: template.detail,
        value: template,
      }),
    );
    return answered(await choose(place, { title: TITLE, placeholder: 'What shall it do?', items }), (template) =>
      template.tasks === undefined ? { template, source: template } : { template },
    );
  };

const whichTask =
  (tasks: NonNullable<Template['tasks']>): Question<Answers> =>
  async (place) => {
    const items = tasks.map((task): Item<Source> => ({ label: task.title, description: task.description, value: task }));
    return answered(await choose(place, { title: `${TITLE}: Generated Task`, placeholder: 'Which task?', items }), (source) => ({
      source,
    }));
  };

/** Files that are offered. */
const MOST_FILES = 40;

const whichData =
  (template: Template, { kind, sample, extensions }: SampleData, tools: NewModelTools): Question<Answers> =>
  async (place) => {
    const found = await vscode.workspace.findFiles(
      `**/*.{${extensions.join(',')}}`,
      '{**/node_modules/**,**/runs/**,**/.*/**,**/requirements*.txt,**/README*,**/LICENSE*,**/CHANGELOG*}',
      MOST_FILES,
    );
    const own = found
      .map(({ fsPath }) => fsPath)
      .toSorted()
      .map(
        (path): Item<string> => ({
          label: `$(file) ${basename(path)}`,
          description: vscode.workspace.asRelativePath(dirname(path)),
          value: path,
        }),
      );
    const items = [
      { label: '$(beaker) Sample data', description: `a copy of ${sample}, made for this`, value: 'sample' },
      { label: '$(folder-opened) Another File...', description: extensions.map((each) => `.${each}`).join(', '), value: 'browse' },
      ...(own.length === 0 ? [] : [{ label: 'In this folder', kind: vscode.QuickPickItemKind.Separator }, ...own]),
    ];
    for (;;) {
      const chosen = await choose(place, { title: `${TITLE}: ${template.title}`, placeholder: questions[kind], items });
      if (typeof chosen !== 'string') return chosen;
      if (chosen === 'sample') return { data: { kind: 'sample' } };
      const path = chosen === 'browse' ? await browse(extensions) : chosen;
      if (path === undefined) continue;
      if (!isTable(kind)) return { data: { kind: 'own', path, columns: [] } };
      try {
        const columns = await tools.columnsOf(path);
        const fault = unfit(kind, path, columns);
        if (fault === undefined) return { data: { kind: 'own', path, columns } };
        await vscode.window.showWarningMessage(fault, { modal: true });
      } catch (error) {
        await vscode.window.showWarningMessage(error instanceof Error ? error.message : String(error), { modal: true });
      }
    }
  };

const questions: Readonly<Record<DataKind, string>> = {
  text: 'Which text shall it learn from?',
  classes: 'Which table has a sequence and its class in each row?',
  series: 'Which table has measurements in the order of time?',
  tags: 'Which table has two columns of equally many words?',
  pairs: 'Which file has a sentence, a tab and its translation in each line?',
  dialogue: 'Which text has a turn in each line, and an empty line between two conversations?',
};

/** Whether it is asked for columns. */
const isTable = (kind: DataKind): boolean => kind === 'classes' || kind === 'series' || kind === 'tags';

async function browse(extensions: readonly string[]): Promise<string | undefined> {
  const [chosen] =
    (await vscode.window.showOpenDialog({ title: 'Data to learn from', filters: { Data: [...extensions], 'All files': ['*'] } })) ?? [];
  return chosen?.fsPath;
}

/** Why a table cannot be read so; undefined where it can. */
function unfit(kind: DataKind, path: string, columns: readonly Column[]): string | undefined {
  const name = basename(path);
  if (kind === 'series')
    return columns.some((column) => column.kind === 'number')
      ? undefined
      : `${name} has no column of numbers, so there is nothing to foretell. Its columns are ${list(columns)}.`;
  const enough = columns.length >= 2;
  if (kind === 'tags') return enough ? undefined : `${name} has one column; tagging takes two: words, and a tag for each.`;
  if (!enough) return `${name} has one column; classification takes two: a sequence, and its class.`;
  return columns.some((column) => column.kind !== 'number')
    ? undefined
    : `${name} has columns of numbers only. For measurements over time take Forecasting; for lists of numbers use lines of JSON (.jsonl).`;
}

const list = (columns: readonly Column[]): string => columns.map(({ name }) => name).join(', ');

/** The question about the columns of one's own table that is due. */
function whichColumns(
  template: Template,
  kind: DataKind,
  path: string,
  columns: readonly Column[],
  { input, past, answer, steps }: Answers,
): Question<Answers> | undefined {
  const title = `${TITLE}: ${template.title}, ${basename(path)}`;
  const item = (column: Column): Item<string> => ({ label: column.name, description: told(column), value: column.name });
  const oneOf = (
    placeholder: string,
    fitting: readonly Column[],
    active: string | undefined,
    as: (name: string) => Partial<Answers>,
  ): Question<Answers> => {
    return async (place) => {
      const items = fitting.map(item);
      return answered(await choose(place, { title, placeholder, items, ...(active === undefined ? {} : { active }) }), as);
    };
  };
  if (kind === 'classes' || kind === 'tags') {
    if (input === undefined) {
      const fitting = kind === 'tags' ? columns : columns.filter((column) => column.kind !== 'number');
      const [likely] = fitting.toSorted((a, b) => lengthOf(b) - lengthOf(a));
      return oneOf(kind === 'tags' ? 'Which column has the words?' : 'Which column is read?', fitting, likely?.name, (name) => ({
        input: name,
      }));
    }
    if (answer === undefined) {
      const fitting = columns.filter(({ name }) => name !== input);
      const likely = fitting.find((column) => column.kind === 'category') ?? fitting[0];
      return oneOf(
        kind === 'tags' ? 'Which column has a tag for each word?' : 'Which column is the answer? Each different value is a class.',
        fitting,
        likely?.name,
        (name) => ({ answer: name }),
      );
    }
  }
  if (kind === 'series') {
    const numbers = columns.filter((column) => column.kind === 'number');
    if (answer === undefined) return oneOf('Which column shall be foretold?', numbers, numbers[0]?.name, (name) => ({ answer: name }));
    if (past === undefined)
      return async (place) => {
        const items = numbers.map(item);
        const chosen = numbers.map(({ name }) => name);
        return answered(await chooseMany(place, { title, placeholder: 'Which columns shall be read?', items, chosen }), (names) => ({
          past: names,
        }));
      };
    if (steps === undefined)
      return async (place) => {
        const fault = (text: string): string | undefined =>
          /^\s*[1-9]\d{0,3}\s*$/.test(text) ? undefined : 'A whole number from 1 to 9999: how many rows of the table lie ahead.';
        const prompt = 'How many steps ahead? A step is a row of the table; four times as many are read.';
        return answered(await write(place, { title, prompt, value: '24', fault }), (text) => ({ steps: Number(text) }));
      };
  }
  return undefined;
}

const lengthOf = ({ examples }: Column): number => examples.reduce((sum, text) => sum + text.length, 0) / Math.max(1, examples.length);

/** What a column holds, in few words. */
function told(column: Column): string {
  const width = numbersAStep(column);
  const kind = column.kind === 'text' && width !== undefined ? 'numbers in lists' : column.kind === 'number' ? 'numbers' : column.kind;
  return `${kind}: ${column.examples.join(' · ')}`;
}

const whichFolder =
  ({ data }: Answers, { memory }: NewModelTools): Question<Answers> =>
  async (place) => {
    const last = memory.get<string>(FOLDER);
    const open = (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => uri.fsPath);
    const active = vscode.window.activeTextEditor?.document.uri;
    const candidates: readonly (readonly [string | undefined, string])[] = [
      [data?.kind === 'own' ? dirname(data.path) : undefined, 'beside the data'],
      ...open.map((folder) => [folder, 'the open folder'] as const),
      [active?.scheme === 'file' ? dirname(active.fsPath) : undefined, 'beside the open file'],
      [last, 'the last one'],
    ];
    const folders = new Map<string, string>();
    for (const [folder, why] of candidates) if (folder !== undefined && !folders.has(folder)) folders.set(folder, why);
    const items = [
      ...[...folders].map(
        ([folder, why]): Item<string> => ({ label: `$(folder) ${basename(folder)}`, description: why, detail: folder, value: folder }),
      ),
      { label: '$(folder-opened) Another Folder...', value: '' },
    ];
    for (;;) {
      const chosen = await choose(place, {
        title: TITLE,
        placeholder: 'Where shall the model stand? Its runs will lie beside it.',
        items,
        ...(last === undefined ? {} : { active: last }),
      });
      if (chosen !== '') return answered(chosen, (folder) => ({ folder }));
      const [other] =
        (await vscode.window.showOpenDialog({ title: 'Folder of the model', canSelectFolders: true, canSelectFiles: false })) ?? [];
      if (other !== undefined) return { folder: other.fsPath };
    }
  };

const whichName =
  ({ data, source }: Answers, template: Template, folder: string): Question<Answers> =>
  async (place) => {
    const usual = data?.kind === 'own' ? basename(data.path, extname(data.path)) : basename(source?.file ?? template.id, '.rnn');
    const free = await freeName(folder, usual, '.rnn');
    const fault = async (text: string): Promise<string | undefined> => {
      const name = text.trim().replace(/\.rnn$/, '');
      if (name === '') return 'The file needs a name.';
      if (/[\\/:*?"<>|]/.test(name) || name.startsWith('.')) return 'A name of a file, without slashes or any of : * ? " < > |';
      if (await exists(join(folder, `${name}.rnn`)))
        return `There is a ${name}.rnn already. ${await freeName(folder, name, '.rnn')} is free.`;
      return undefined;
    };
    const prompt = `The name of the file in ${folder}`;
    return answered(await write(place, { title: TITLE, prompt, value: free, fault }), (text) => ({
      name: text.trim().replace(/\.rnn$/, ''),
    }));
  };

/** Passes on what is no answer. */
const answered = <T>(answer: Answer<T>, as: (value: T) => Partial<Answers>): Answer<Partial<Answers>> =>
  answer === undefined ? undefined : answer === back ? back : as(answer as T);

// ------------------------------------------------------------------------------------------------------------------ the files

async function create(answers: Answers, { root, memory }: NewModelTools): Promise<vscode.Uri> {
  const { template, source, data, folder, name } = answers as Answers & {
    readonly source: Source;
    readonly folder: string;
    readonly name: string;
  };
  const edit = new vscode.WorkspaceEdit();
  const told: string[] = [];
  const given = data?.kind === 'own' ? await ownData(answers, data.path, folder, told) : await sampleData(template, root, folder, edit);
  const { text, first } = filled(await readSource(root, source), source, modelName(name), given);
  const file = vscode.Uri.file(join(folder, `${name}.rnn`));
  await vscode.workspace.fs.createDirectory(vscode.Uri.file(folder));
  // One edit, so that one undo takes it all away. Nothing is overwritten.
  edit.createFile(file, { contents: Buffer.from(text), overwrite: false });
  if (!(await vscode.workspace.applyEdit(edit)))
    throw new Error(`${file.fsPath} could not be written. Is there such a file already, or may the folder not be written?`);
  await memory.update(FOLDER, folder);
  const document = await vscode.workspace.openTextDocument(file);
  const [from, to] = first;
  await vscode.window.showTextDocument(document, { selection: new vscode.Range(document.positionAt(from), document.positionAt(to)) });
  for (const each of told) void vscode.window.showWarningMessage(each);
  return file;
}

/** A text of less is learned by heart. */
const SMALL = 50_000;
/** Bytes of a text in which its beginning is looked for. */
const BEGINNING = 4096;

async function ownData(answers: Answers, path: string, folder: string, told: string[]): Promise<OwnData> {
  const { template, data, input, past, answer, steps } = answers;
  const shown = pathFrom(folder, path);
  const kind = template!.tasks === undefined ? template!.data.kind : 'text';
  switch (kind) {
    case 'text': {
      const content = await vscode.workspace.fs.readFile(vscode.Uri.file(path));
      if (content.length < SMALL)
        told.push(
          `${basename(path)} has ${Math.ceil(content.length / 1000)} kB: a model learns it by heart rather than how it is made. From 100 kB on it has more to learn.`,
        );
      return {
        kind,
        path: shown,
        beginning: Buffer.from(content.subarray(0, BEGINNING))
          .toString('utf8')
          .replace(/^\uFEFF/, ''),
        bytes: content.length,
      };
    }
    case 'classes':
      return {
        kind,
        path: shown,
        input: (data as { columns: readonly Column[] }).columns.find(({ name }) => name === input)!,
        answer: answer!,
      };
    case 'series':
      return { kind, path: shown, past: past!, ahead: answer!, steps: steps! };
    case 'tags':
      return { kind, path: shown, words: input!, tags: answer! };
    case 'pairs':
    case 'dialogue':
      return { kind, path: shown };
  }
}

/** Copies the sample beside the model, unless it lies there already. */
async function sampleData(
  template: Template | undefined,
  root: string,
  folder: string,
  edit: vscode.WorkspaceEdit,
): Promise<{ readonly kind: 'sample'; readonly path: string } | undefined> {
  if (template?.tasks !== undefined || template === undefined) return undefined;
  const { sample } = template.data;
  const contents = await vscode.workspace.fs.readFile(vscode.Uri.file(join(root, 'examples', sample)));
  const there = await vscode.workspace.fs.readFile(vscode.Uri.file(join(folder, sample))).then(undefined, () => undefined);
  if (there !== undefined && Buffer.from(contents).equals(there)) return { kind: 'sample', path: sample };
  const ending = extname(sample);
  const path = `${await freeName(folder, basename(sample, ending), ending)}${ending}`;
  edit.createFile(vscode.Uri.file(join(folder, path)), { contents, overwrite: false });
  return { kind: 'sample', path };
}

/** As a data line names it: relative where it can be, with slashes. */
function pathFrom(folder: string, path: string): string {
  const short = relative(folder, resolve(path));
  return short.split(sep).join('/');
}

/** `name`, or the first of `name-2`, `name-3`, ... that no file has. */
async function freeName(folder: string, name: string, ending: string): Promise<string> {
  for (let k = 1; ; k += 1) {
    const tried = k === 1 ? name : `${name}-${k}`;
    if (!(await exists(join(folder, `${tried}${ending}`)))) return tried;
  }
}

const exists = (path: string): Promise<boolean> =>
  Promise.resolve(
    vscode.workspace.fs.stat(vscode.Uri.file(path)).then(
      () => true,
      () => false,
    ),
  );

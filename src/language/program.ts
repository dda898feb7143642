// A file with everything it uses, read, parsed and checked.

import type { AstNode } from 'langium';
import type { Fault } from '../shared/source.ts';
import type { CheckedFile, Instance } from './check/core.ts';
import { checkCell, checkModel } from './check/definitions.ts';
import { keptOr } from './check/kept.ts';
import type { Notes } from './check/scope.ts';
import type { Cell, File, Model, Use } from './generated/ast.ts';
import { networksOf } from './networks.ts';
import { parseFile } from './parser/parser.ts';
import { type Pieces, parsePieces } from './parser/pieces.ts';
import { besides, rangeOf, rangeOfProperty } from './places.ts';
import { readStatements, type Statements, type TrainStatement } from './statements/statements.ts';

/** Reads a text file by its absolute path (or whatever `uri` the caller uses); rejects where it cannot. */
export type Read = (path: string) => Promise<string>;

export interface ProgramFile extends CheckedFile {
  readonly text: string;
  readonly tree: File;
  readonly isLibrary: boolean;
}

export interface Program {
  /** As given to loadProgram: an absolute path. */
  readonly path: string;
  readonly main: ProgramFile;
  /** The main file first, then what it uses, then the library. */
  readonly files: readonly ProgramFile[];
  /** Everything that is wrong, in all files but the library, in the order of their lines. */
  readonly faults: readonly Fault[];
  readonly models: readonly Model[];
  /** The model of this name; throws where there is none. */
  model(name: string): Model;
  /** What `data`, `train` and `generate` say. */
  readonly statements: Statements;
  /** Those of the faults that are errors in cells, models or the form of the file: with them, no model is built. */
  readonly unsound: readonly Fault[];
  /** Each cell and model of the main file, checked on its own. */
  readonly instances: ReadonlyMap<Cell | Model, Instance>;
  /** For editors: what was found out about the nodes of the main file. */
  readonly notes: NodeNotes;
}

/** As Notes, to look into. */
export type NodeNotes = { readonly [Kind in keyof Notes]: { get(node: AstNode): ReturnType<Notes[Kind]['get']> } };

export const libraryFiles = ['recurrent.rnn', 'layers.rnn', 'attention.rnn', 'images.rnn'] as const;

export interface LoadOptions {
  /** The folder of the standard library: `std` beside this module (or beside the bundle) unless told otherwise. */
  readonly library?: string;
  /** Of the loads before, of one path: what has not changed since is taken over, and the trees of those loads are moved to where they are now. */
  readonly pieces?: Pieces;
}

export async function loadProgram(path: string, read: Read, options: LoadOptions = {}): Promise<Program> {
  const library = await loadLibrary(read, options.library ?? libraryFolder());
  const faults: Fault[] = [];
  const files = new Map<string, ProgramFile>();
  const main = await loadFile(path, read, library, files, faults, [], options.pieces);
  return check(path, main, [...files.values(), ...library.files], faults);
}

/** Where the standard library lies. In a bundle: `std` beside it. */
export function libraryFolder(): string {
  return decodeURIComponent(new URL('./std', import.meta.url).pathname).replace(/^\/([A-Za-z]:)/, '$1');
}

interface Library {
  readonly files: readonly ProgramFile[];
  readonly cells: CheckedFile['cells'];
}

const libraries = new Map<string, Promise<Library>>();
function loadLibrary(read: Read, folder: string): Promise<Library> {
  let library = libraries.get(folder);
  if (library === undefined) {
    library = readLibrary(read, folder);
    libraries.set(folder, library);
    library.catch(() => libraries.delete(folder));
  }
  return library;
}

async function readLibrary(read: Read, folder: string): Promise<Library> {
  const cells = new Map<string, { cell: Cell; file: CheckedFile }>();
  const files: ProgramFile[] = [];
  for (const name of libraryFiles) {
    const uri = `${folder}/${name}`;
    const text = await read(uri);
    const { tree } = parseFile(text, uri);
    const file: ProgramFile = { uri, text, tree, cells, isLibrary: true };
    for (const item of tree.items) if (item.$type === 'Cell') cells.set(item.name, { cell: item, file });
    files.push(file);
  }
  return { files, cells };
}

async function loadFile(
  path: string,
  read: Read,
  library: Library,
  files: Map<string, ProgramFile>,
  faults: Fault[],
  users: readonly { readonly path: string; readonly use: Use }[],
  pieces?: Pieces,
): Promise<ProgramFile> {
  const text = await read(path);
  const parsed = parsePieces(text, path, pieces);
  faults.push(...parsed.faults);
  const cells = new Map(library.cells);
  const networks = await networksOf(parsed.tree, path);
  const file: ProgramFile = { uri: path, text, tree: parsed.tree, cells, networks, isLibrary: false };
  files.set(path, file);
  for (const item of parsed.tree.items) {
    if (item.$type !== 'Use') continue;
    const report = (code: string, message: string): void => {
      faults.push({ range: rangeOf(item, path), severity: 'error', code, message });
    };
    if (item.path === undefined) {
      if (item.library !== 'std') report('use', `There is no library \`${item.library}\`; the standard library is \`std\`.`);
      else if (item.edition !== undefined && item.edition !== 1)
        report('use', `This version knows edition 1 of the library, not ${item.edition}.`);
      continue;
    }
    const target = besides(path, item.path);
    if (target === path) {
      report('use', 'A file does not use itself.');
      continue;
    }
    const around = users.find((user) => user.path === target);
    if (around !== undefined) {
      // said of the file that the way comes back to, where it sets out
      const { use } = around;
      const message = `${use.path} uses this file, which uses it.`;
      faults.push({ range: rangeOf(use, target), severity: 'error', code: 'use', message });
      continue;
    }
    let used = files.get(target);
    if (used === undefined) {
      try {
        used = await loadFile(target, read, library, files, faults, [...users, { path, use: item }], pieces);
      } catch {
        report('use', `${item.path} cannot be read. Paths are relative to this file.`);
        continue;
      }
    }
    for (const other of used.tree.items) {
      if (other.$type === 'Model') report('use', `${item.path} holds the model ${other.name}; only files of cells can be used.`);
      if (other.$type === 'Cell' && other.name !== undefined) cells.set(other.name, { cell: other, file: used });
    }
  }
  const own = new Map<string, Cell>();
  for (const item of parsed.tree.items) {
    if (item.$type !== 'Cell' || item.name === undefined) continue;
    const first = own.get(item.name);
    if (first !== undefined) {
      const message = `Cell ${item.name} is given twice: first in line ${(first.$cstNode?.range.start.line ?? 0) + 1}.`;
      faults.push({ range: rangeOf(item, path), severity: 'error', code: 'given-twice', message });
      continue;
    }
    own.set(item.name, item);
    cells.set(item.name, { cell: item, file });
  }
  return file;
}

function check(path: string, main: ProgramFile, files: readonly ProgramFile[], faults: Fault[]): Program {
  const notes = new Map<AstNode, Notes>();
  const instances = new Map<Cell | Model, Instance>();
  const report = (fault: Fault): void => {
    faults.push(fault);
  };
  // used files first: what is wrong with a cell is said there, once
  for (const file of files.filter((each) => !each.isLibrary).reverse())
    for (const item of file.tree.items)
      if (item.$type === 'Cell' && item.name !== undefined) {
        const found = keptOr(item, file, {}, report, (fault, own) => checkCell(item, file, fault, own));
        if (file !== main) continue;
        instances.set(item, found.instance);
        notes.set(item, found.notes);
      }
  const items = main.tree.items;
  const models = items.filter((item) => item.$type === 'Model').filter(({ name }) => name !== undefined);
  const statements = readStatements(
    {
      data: items.filter((item) => item.$type === 'Data').filter(({ name }) => name !== undefined),
      trains: items.filter((item) => item.$type === 'Train').filter(({ model }) => model !== undefined),
      generates: items.filter((item) => item.$type === 'Generate').filter(({ model }) => model !== undefined),
      models,
      isCell: (name) => main.cells.has(name),
    },
    path,
  );
  const names = new Set<string>();
  const trained: Fault[] = [];
  for (const model of models) {
    if (names.has(model.name)) {
      const range = rangeOfProperty(model, 'name', path);
      report({ range, severity: 'error', code: 'given-twice', message: `Model ${model.name} is given twice.` });
    }
    names.add(model.name);
    const [first, ...others] = statements.trains.filter((train) => train.model === model.name);
    const before = faults.length;
    const given = first?.arguments ?? {};
    const found = keptOr(model, main, given, report, (fault, own) => checkModel(model, main, given, fault, own));
    instances.set(model, found.instance);
    notes.set(model, found.notes);
    if (faults.slice(before).every(({ severity }) => severity !== 'error'))
      for (const train of others) checkTrained(model, train, main, trained);
  }
  const unsound = faults.filter(({ severity }) => severity === 'error');
  return {
    path,
    main,
    files,
    faults: inOrder([...faults, ...trained, ...statements.faults], path),
    unsound: inOrder(unsound, path),
    models,
    model: (name) => {
      const found = models.find((model) => model.name === name);
      if (found !== undefined) return found;
      throw new RangeError(`${path} has no model ${name}. It has ${models.map((model) => model.name).join(', ') || 'none'}.`);
    },
    statements,
    instances,
    notes: notesOf(notes),
  };
}

function notesOf(of: ReadonlyMap<AstNode, Notes>): NodeNotes {
  const itemOf = (node: AstNode): Notes | undefined => {
    for (let each: AstNode | undefined = node; each !== undefined; each = each.$container) {
      const found = of.get(each);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return {
    types: { get: (node) => itemOf(node)?.types.get(node) },
    declarations: { get: (node) => itemOf(node)?.declarations.get(node) },
    instances: { get: (node) => itemOf(node)?.instances.get(node) },
  };
}

/** A further `train` of a model may give it another cell: what is wrong with that is said there. */
function checkTrained(model: Model, { arguments: given, range }: TrainStatement, main: ProgramFile, faults: Fault[]): void {
  let isSound = true;
  checkModel(model, main, given, (fault) => {
    if (fault.severity !== 'error' || !isSound) return;
    isSound = false;
    faults.push({ ...fault, range, message: `${model.name} cannot be trained so (line ${fault.range.start.line + 1}): ${fault.message}` });
  });
}

function inOrder(faults: readonly Fault[], path: string): Fault[] {
  const seen = new Set<string>();
  // what a broken line seems to say is an echo of how it is broken
  const lineOf = ({ range }: Fault): string => `${range.uri} ${range.start.line}`;
  const broken = new Set(faults.filter(({ code }) => code === 'syntax').map(lineOf));
  return faults
    .filter((fault) => {
      const { range, message, code } = fault;
      if (code !== 'syntax' && broken.has(lineOf(fault))) return false;
      const key = `${range.uri} ${range.start.line} ${range.start.column} ${message}`;
      return !seen.has(key) && seen.add(key);
    })
    .sort(
      (a, b) =>
        Number(a.range.uri !== path) - Number(b.range.uri !== path) ||
        a.range.start.line - b.range.start.line ||
        a.range.start.column - b.range.start.column,
    );
}

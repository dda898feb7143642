// A change of a source that keeps it sound: another start, another cell, another setting. What is written looks as if a person had written it, and is
// checked before anyone sees it.

import { AstUtils } from 'langium';
import type { Change } from '../../shared/analysis.ts';
import { type OffsetEdit, replaced } from '../../shared/edits.ts';
import { isCallOption } from '../check/arguments.ts';
import type { Call, Item } from '../generated/ast.ts';
import { formatting } from '../lsp/format.ts';
import { applied } from '../lsp/navigation.ts';
import { loadProgram, type Program, type ProgramFile, type Read } from '../program.ts';
import { biasEdits, copiedCell, docLinesAbove, freeName, startEdits } from './cells.ts';
import { type Chosen, cellOf, chosenAt, instanceAt, namings, type Rewritable, statementOf } from './chosen.ts';

export type { Rewritable } from './chosen.ts';

/** Edits of files, by their paths. */
type Draft = ReadonlyMap<string, readonly OffsetEdit[]>;

/** The files that become others, by their paths, with their new texts; none where the source says so already. Undefined where it cannot be written
 *  without a fault. */
export async function rewritten(source: Rewritable, change: Change): Promise<ReadonlyMap<string, string> | undefined> {
  for (const draft of drafts(source, change)) {
    const texts = textsOf(source.program, draft);
    if (await isSound(source.program, texts)) return texts;
  }
  return undefined;
}

/** The cells that a file knows: its own, those that it uses, the library's. */
export const namedCells = ({ program }: Rewritable): string[] => [...program.main.cells.keys()];

/** A reader that has other texts for some files. */
export const readOver =
  (texts: ReadonlyMap<string, string>, read: Read): Read =>
  async (path) =>
    texts.get(path) ?? read(path);

function drafts(source: Rewritable, change: Change): readonly Draft[] {
  switch (change.kind) {
    case 'setting':
      return settingDrafts(source, change.name, change.value);
    case 'cell':
      return change.everywhere === true
        ? cellDrafts(source, change.layer, change.cell).toReversed()
        : cellDrafts(source, change.layer, change.cell);
    case 'start': {
      const owner = source.model.instances.find(({ weights }) => weights.some(({ weight }) => weight === change.weight));
      const name = owner?.weights.find(({ weight }) => weight === change.weight)?.name;
      if (owner === undefined || name === undefined) return [];
      return withinCell(source, owner.path, (cell) => startEdits(cell, name, change.start, change.comment));
    }
    case 'bias':
      return withinCell(source, change.instance, (cell) => biasEdits(cell, change.line, change.state, change.start));
  }
}

/** Edits of a cell where it is a person's own; else of a copy of it, which is taken instead. */
function withinCell(
  source: Rewritable,
  path: string,
  edits: (cell: Parameters<typeof startEdits>[0]) => OffsetEdit[] | undefined,
): readonly Draft[] {
  const instance = instanceAt(source, path);
  const found = instance === undefined ? undefined : cellOf(source, instance);
  const own = found === undefined ? undefined : edits(found.cell);
  if (instance === undefined || found === undefined || own === undefined) return [];
  if (!found.file.isLibrary || own.length === 0) return [new Map([[found.file.uri, own]])];
  const chosen = chosenAt(source, instance);
  if (chosen === undefined) return [];
  const { file } = chosen;
  const name = freeName(`my_${found.cell.name}`, (each) => file.cells.has(each));
  const at = beginOf(source, file, chosen);
  const copy: OffsetEdit = { from: at, to: at, text: copiedCell(found.file.text, found.cell, name, own) };
  return taken(source, chosen, found.cell.name, name).map((each) => new Map([[file.uri, [copy, ...each]]]));
}

/** Where a cell goes that an item uses: above it, and above what is said of it; above the model where the item is a statement. */
function beginOf({ train }: Rewritable, { tree, text }: ProgramFile, chosen: Chosen): number {
  const node = chosen.kind === 'reference' ? chosen.node : chosen.call;
  const around = AstUtils.getContainerOfType(node, (each): each is Item => each.$container?.$type === 'File');
  const item = around?.$type === 'Train' ? tree.items.find((each) => each.$type === 'Model' && each.name === train.model) : around;
  const { offset } = item!.$cstNode!;
  return offset - docLinesAbove(text, offset).length;
}

/** The ways to take another cell: where it is chosen; or everywhere in the file, for where the one must fit the other. */
function taken({ program }: Rewritable, chosen: Chosen, old: string, name: string, more: readonly OffsetEdit[] = []): OffsetEdit[][] {
  if (chosen.kind === 'argument') {
    const last = chosen.call.arguments.at(-1)?.$cstNode?.end ?? chosen.call.$cstNode!.end - 1;
    return [[{ from: last, to: last, text: `, ${chosen.name}: ${name}` }]];
  }
  const { offset, end } = chosen.node.$cstNode!;
  const all = namings(chosen.file, program, old).map(({ from, to }) => ({ from, to, text: name }));
  return [[{ from: offset, to: end, text: name }, ...more], ...(all.length > 1 ? [[...all, ...more]] : [])];
}

/** The cell that a layer is, or which has its state within the layer's. */
function cellDrafts(source: Rewritable, layer: string, name: string): readonly Draft[] {
  const [instance] = source.model.instances
    .filter(({ path, states }) => states.length > 0 && (path === layer || path.startsWith(`${layer}.`)))
    .toSorted((a, b) => a.path.length - b.path.length);
  const chosen = instance === undefined ? undefined : chosenAt(source, instance);
  const other = chosen?.file.cells.get(name)?.cell;
  if (instance === undefined || chosen === undefined || other === undefined) return [];
  const call = chosen.kind === 'reference' && chosen.node.$container?.$type === 'Call' ? (chosen.node.$container as Call) : undefined;
  const known = new Set(other.inputs.map((input) => input.name));
  const gone = (call?.arguments ?? []).flatMap((argument, k): OffsetEdit[] => {
    const isKept = argument.name === undefined || known.has(argument.name) || isCallOption(argument.name);
    const before = call!.arguments[k - 1]?.$cstNode?.end;
    return isKept || before === undefined ? [] : [{ from: before, to: argument.$cstNode!.end, text: '' }];
  });
  return taken(source, chosen, instance.cell, name, gone).map((each) => new Map([[chosen.file.uri, each]]));
}

/** A setting of the `train` statement. */
function settingDrafts(source: Rewritable, name: string, value: string): readonly Draft[] {
  const { settings, $cstNode: cst } = statementOf(source);
  const { uri, text } = source.program.main;
  const given = settings.find((each) => each.name === name)?.value.$cstNode;
  if (given !== undefined) return [new Map([[uri, [{ from: given.offset, to: given.end, text: value }]]])];
  const last = settings.at(-1)?.$cstNode;
  const brace = cst!.end - 1;
  if (last === undefined) {
    const from = brace - /\s*$/.exec(text.slice(0, brace))![0].length;
    return [new Map([[uri, [{ from, to: brace, text: ` ${name}: ${value} ` }]]])];
  }
  const line = /(?:^|\n)([ \t]*)$/.exec(text.slice(0, last.offset));
  if (line === null) return [new Map([[uri, [{ from: last.end, to: last.end, text: `, ${name}: ${value}` }]]])];
  const [rest = ''] = text.slice(last.end).split(/\r?\n/, 1);
  const at = last.end + (rest.includes('}') ? 0 : rest.length);
  return [new Map([[uri, [{ from: at, to: at, text: `\n${line[1]}${name}: ${value}` }]]])];
}

/** The new texts, laid out where the old ones were. */
function textsOf(program: Program, draft: Draft): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [uri, edits] of draft) {
    const before = program.files.find((file) => file.uri === uri)!.text;
    const after = replaced(before, edits);
    const laidOut = formatting(before).length === 0 ? applied(after, formatting(after)) : after;
    if (laidOut !== before) texts.set(uri, laidOut);
  }
  return texts;
}

async function isSound(program: Program, texts: ReadonlyMap<string, string>): Promise<boolean> {
  const errors = ({ faults }: Program): number => faults.filter(({ severity }) => severity === 'error').length;
  const known = async (path: string): Promise<string> => {
    const text = program.files.find(({ uri }) => uri === path)?.text;
    if (text === undefined) throw new RangeError(`no file ${path}`);
    return text;
  };
  return errors(await loadProgram(program.path, readOver(texts, known))) <= errors(program);
}

// What may stand at a place, what is likely first. The place is read off the text (place.ts), what there is from the checked program.

import { type CompletionItem, CompletionItemKind, type Position } from 'vscode-languageserver-types';
import type { Instance } from '../check/core.ts';
import type { File, Generate, Model, Train } from '../generated/ast.ts';
import { textOf } from '../places.ts';
import type { Program } from '../program.ts';
import { inBody, inHeader } from './body-completion.ts';
import { callsAt } from './call-at.ts';
import { offsetAt } from './documents.ts';
import { headerText } from './hover.ts';
import { type PlaceInText, placeAt } from './place.ts';
import { type DataFiles, inData, noFiles, pathsIn, settingValues } from './statement-completion.ts';
import { templates } from './templates.ts';
import { generateWords, trainWords, type Word } from './words.ts';

/** `files` answers for data files; without it nothing is looked up. */
export async function completion(program: Program, position: Position, files: DataFiles = noFiles): Promise<CompletionItem[]> {
  const { text } = program.main;
  const offset = offsetAt(text, position);
  const place = placeAt(text, offset);
  const { item, before, inString } = place;
  if (place.isInComment) return [];
  if (inString !== undefined) {
    if (item?.kind === 'use') return pathsIn(inString, /\.rnn$/, files);
    if (item?.kind === 'train' && /\bstart\s*:\s*$/.test(before.trimEnd())) return pathsIn(inString, /\.(safetensors|onnx)$/, files, true);
    return item?.kind === 'data' ? inData(program, text, offset, files) : [];
  }
  if (item === undefined) return /^\s*[\p{L}_]*$/u.test(before) ? templates(program) : [];
  switch (item.kind) {
    case 'cell':
    case 'model': {
      const instance = instanceAt(program, item);
      if (item.isInBody) return inBody(program, instance, place, position.line, offset);
      return inHeader(program, instance, place, item.kind === 'model' ? await columnsFor(program, item.name, files) : []);
    }
    case 'data':
      return /=/.test(item.text) ? inData(program, text, offset, files) : [];
    case 'train':
    case 'generate': {
      const node = statementAt(program, item);
      if (!item.isInBody) return inStatementHead(program, item.kind, place, offset);
      return inSettings(program, place, item.kind === 'train' ? trainWords : generateWords, node?.settings ?? [], offset);
    }
    case 'use':
      return /^\s*use\s+\w*$/.test(before)
        ? [{ label: 'std', kind: CompletionItemKind.Module, insertText: 'std 1', detail: 'the standard library, edition 1' }]
        : [];
  }
}

/** The checked cell or model of the item in hand. */
function instanceAt(program: Program, { name, offset }: NonNullable<PlaceInText['item']>): Instance | undefined {
  const all = [...program.instances.values()].filter(({ cell }) => cell.name === name);
  return all.find(({ cell }) => cell.$cstNode?.offset === offset) ?? all.at(-1);
}

function statementAt(program: Program, { offset, kind }: NonNullable<PlaceInText['item']>): Train | Generate | undefined {
  const type = kind === 'train' ? 'Train' : 'Generate';
  const items = program.main.tree.items.filter((each): each is Train | Generate => each.$type === type);
  return items.findLast(({ $cstNode }) => $cstNode !== undefined && $cstNode.offset <= offset + 1) ?? items.at(-1);
}

/** The columns of the data that a model is trained on; where it is trained on none yet, of the tables of the file. */
async function columnsFor(program: Program, model: string, files: DataFiles): ReturnType<DataFiles['columns']> {
  const trained = program.statements.trains.filter((each) => each.model === model).map(({ data }) => data);
  const data = program.main.tree.items.flatMap((item: File['items'][number]) => {
    if (item.$type !== 'Data' || item.source?.$type !== 'Call' || (trained.length > 0 && !trained.includes(item.name))) return [];
    const [first] = item.source.arguments;
    const isTable = /^(table|series)$/.test(item.source.callee?.$type === 'Reference' ? item.source.callee.name : '');
    return isTable && first?.value?.$type === 'StringLiteral' ? [first.value.value] : [];
  });
  const found = await Promise.all(data.map((path) => files.columns(path).catch(() => [])));
  return found.flat();
}

// ------------------------------------------------------------------------------------------------------------------ statements

const value = (label: string): CompletionItem => ({ label, kind: CompletionItemKind.Value });

/** train Name(unit: gru) on data */
function inStatementHead(program: Program, kind: 'train' | 'generate', place: PlaceInText, offset: number): CompletionItem[] {
  const { before } = place;
  const [call] = callsAt(program.main.text, offset);
  const model = program.models.find(({ name }) => name === call?.callee);
  if (call !== undefined && model !== undefined)
    return call.name === undefined ? modelArguments(model, call.given) : givenValues(program, model, call.name);
  const named = (all: readonly string[], what: CompletionItemKind, detail: string): CompletionItem[] =>
    all.map((label) => ({ label, kind: what, detail }));
  const data = named(
    program.statements.data.map(({ name }) => name),
    CompletionItemKind.File,
    'data',
  );
  if (/\bon\s+[\p{L}\p{N}_]*$/u.test(before)) return data;
  if (/^\s*(train|generate)\s+[\p{L}\p{N}_]*$/u.test(before))
    return program.models.map((each) => ({ label: each.name, kind: CompletionItemKind.Module, detail: headerOf(each) }));
  return kind === 'train' && /\s\w*$/.test(before) && !/\bon\b/.test(before)
    ? [
        {
          label: 'on',
          kind: CompletionItemKind.Keyword,
          insertText: 'on ',
          command: { title: 'Suggest', command: 'editor.action.triggerSuggest' },
        },
      ]
    : [];
}

const headerOf = (model: Model): string => `model ${model.name}(${model.inputs.map(textOf).join(', ')})`;

const modelArguments = (model: Model, given: readonly string[]): CompletionItem[] =>
  model.inputs
    .filter(
      (input) =>
        (input.$type === 'SizeInput' || input.type === undefined || input.type.$type === 'CellType') && !given.includes(input.name),
    )
    .map((input) => ({
      label: input.name,
      kind: CompletionItemKind.Property,
      detail: textOf(input),
      insertText: `${input.name}: `,
      command: { title: 'Suggest', command: 'editor.action.triggerSuggest' },
    }));

function givenValues(program: Program, model: Model, name: string): CompletionItem[] {
  const input = model.inputs.find((each) => each.name === name);
  if (input?.$type === 'SizeInput') return ['64', '128', '256'].map(value);
  if (input?.type?.$type !== 'CellType') return input?.fallback === undefined ? [] : [value(textOf(input.fallback))];
  return Array.from(program.main.cells, ([label, { cell }]) => ({ label, kind: CompletionItemKind.Class, detail: headerText(cell) }));
}

function inSettings(
  program: Program,
  { before, item }: PlaceInText,
  words: Readonly<Record<string, Word>>,
  given: readonly { readonly name?: string }[],
  offset: number,
): CompletionItem[] {
  const current = lastSetting((item?.text ?? before).replace(/^[^{]*\{/, ''));
  const asked = /^\s*([\p{L}_]\w*)\s*:/u.exec(current)?.[1];
  if (asked !== undefined) return settingValues(program, asked, program.main.text, offset);
  if (!/^\s*[\p{L}_\p{N}]*$/u.test(current)) return [];
  return Object.entries(words)
    .filter(([label]) => !given.some((each) => each.name === label))
    .map(([label, { use, says }], k) => ({
      label,
      kind: CompletionItemKind.Property,
      detail: use,
      documentation: { kind: 'markdown', value: says },
      insertText: `${label}: `,
      sortText: String(k).padStart(2, '0'),
      command: { title: 'Suggest', command: 'editor.action.triggerSuggest' },
    }));
}

/** What stands behind the last comma or line end that separates settings. */
function lastSetting(text: string): string {
  let [depth, start] = [0, 0];
  for (let k = 0; k < text.length; k += 1) {
    const letter = text[k]!;
    if ('(['.includes(letter)) depth += 1;
    else if (')]'.includes(letter)) depth -= 1;
    else if (depth <= 0 && (letter === ',' || letter === '\n')) start = k + 1;
  }
  return text.slice(start);
}

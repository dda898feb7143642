// What may stand at a place: lines and dimensions in scope, cells, functions, settings.

import { type CompletionItem, CompletionItemKind, InsertTextFormat, type Position } from 'vscode-languageserver-types';
import type { Instance, Type } from '../check/core.ts';
import { showType } from '../check/scope.ts';
import type { Cell, File } from '../generated/ast.ts';
import { docComment } from '../places.ts';
import type { Program } from '../program.ts';
import { callsAt } from './call-at.ts';
import { itemAt, offsetAt } from './documents.ts';
import { headerText } from './hover.ts';
import { type DataFiles, hole, inData, noFiles, settingValues } from './statement-completion.ts';
import { callWords, functionWords, generateWords, startWords, trainWords, type Word } from './words.ts';

/** `files` answers for data files; without it nothing is looked up. */
export async function completion(program: Program, position: Position, files: DataFiles = noFiles): Promise<CompletionItem[]> {
  const { text, tree } = program.main;
  const offset = offsetAt(text, position);
  const before = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  const item = itemAt(tree, offset) ?? itemBefore(program, offset);
  const outsideStrings = before.replace(/"[^"]*"/g, '');
  if (/\/\//.test(outsideStrings) || (/"[^"]*$/.test(outsideStrings) && item?.$type !== 'Data')) return [];
  if (/^\s*data\s+[\p{L}_][\p{L}\p{N}_]*\s*=\s*[\p{L}_]*$/u.test(before)) return inData(program, text, offset, files);
  if (item === undefined) return topLevel(program);
  const isInside = text.slice(item.$cstNode!.offset, offset).includes('{');
  switch (item.$type) {
    case 'Cell':
    case 'Model': {
      const instance = program.instances.get(item);
      const member = /([\p{L}_][\p{L}\p{N}_.[\]]*)\.[\p{L}\p{N}_]*$/u.exec(before);
      if (member !== null) return members(instance, member[1]!);
      if (!isInside) return dimensions(instance);
      return inBody(program, instance, item.lines, before, position.line);
    }
    case 'Train':
      return isInside ? inSettings(program, before, trainWords, item.settings, text, offset) : inTrainHead(program);
    case 'Generate':
      return isInside ? inSettings(program, before, generateWords, item.settings, text, offset) : inTrainHead(program);
    case 'Data':
      return inData(program, text, offset, files);
    default:
      return [];
  }
}

const snippet = (label: string, insertText: string, documentation: string, kind: CompletionItemKind): CompletionItem => ({
  label,
  kind,
  insertText,
  insertTextFormat: InsertTextFormat.Snippet,
  documentation,
});

function topLevel(program: Program): CompletionItem[] {
  const first = program.models[0]?.name ?? 'Name';
  const keyword = CompletionItemKind.Keyword;
  return [
    snippet(
      'cell',
      `cell ${hole(1, 'name')}(x: [I], size H) {\n  state h: [H]\n  param W: [H, I], U: [H, H], b: [H]\n\n  h' = tanh(W @ x + U @ h + b)\n}`,
      'Equations for one step.',
      keyword,
    ),
    snippet(
      'model',
      `model ${hole(1, 'Name')}(input: [T] of Char) {\n  x      = embed(input, 64)\n  h      = lstm(x, 128)\n  logits = linear(h, Char)\n  loss   = cross_entropy(logits, next(input))\n}`,
      'A cell that stands alone: its inputs are data.',
      keyword,
    ),
    snippet(
      'data',
      `data ${hole(1, 'name')} = text("${hole(2, 'book.txt')}", by: char)`,
      'Where the inputs of a model come from.',
      keyword,
    ),
    snippet(
      'train',
      `train \${1:${first}} on \${2:name} {\n  epochs:    5\n  batch:     32\n  window:    64\n  optimizer: adam(0.002)\n  clip:      1\n}`,
      'Settings of a training.',
      keyword,
    ),
    snippet('generate', `generate \${1:${first}} {\n  prompt: "$2"\n  length: 200\n}`, 'How a trained model runs free.', keyword),
    snippet('use', `use "${hole(1, 'cells.rnn')}"`, 'Brings in the cells of another file.', keyword),
  ];
}

const wordItem = (label: string, { use, says }: Word, kind: CompletionItemKind): CompletionItem => ({
  label,
  kind,
  detail: use,
  documentation: says,
});

function members(instance: Instance | undefined, path: string): CompletionItem[] {
  let type: Type | undefined;
  for (const [k, part] of path.split('.').entries()) {
    const name = part.replace(/\[.*$/, '').replace(/'$/, '');
    if (k === 0) {
      type =
        instance?.lines.find(({ binding }) => binding.name.replace(/'$/, '') === name)?.binding.type ??
        instance?.states.find(({ binding }) => binding.name === name)?.binding.type;
    } else type = type?.kind === 'record' ? type.fields.get(name) : undefined;
  }
  const transpose: CompletionItem = { label: 'T', kind: CompletionItemKind.Property, detail: 'the transpose' };
  if (type?.kind !== 'record') return [transpose];
  return [...type.fields].map(([label, field]) => ({ label, kind: CompletionItemKind.Field, detail: showType(field) }));
}

const dimensions = (instance: Instance | undefined): CompletionItem[] =>
  [...(instance?.dimensions.keys() ?? [])].map((label) => ({ label, kind: CompletionItemKind.TypeParameter, detail: 'dimension' }));

function inBody(program: Program, instance: Instance | undefined, lines: Cell['lines'], before: string, line: number): CompletionItem[] {
  const items: CompletionItem[] = [];
  const add = (label: string, type: Type, kind: CompletionItemKind): void => {
    items.push({ label, kind, detail: showType(type), sortText: `0${label}` });
  };
  for (const { binding } of instance?.inputs ?? []) add(binding.name, binding.type, CompletionItemKind.Variable);
  for (const { binding } of instance?.params ?? []) add(binding.name, binding.type, CompletionItemKind.Constant);
  for (const { binding } of instance?.states ?? []) add(binding.name, binding.type, CompletionItemKind.Field);
  for (const { binding, equation } of instance?.lines ?? [])
    if ((equation.$cstNode?.range.start.line ?? 0) < line) add(binding.name, binding.type, CompletionItemKind.Variable);
  items.push(...dimensions(instance));
  const isStart = /^\s*[\p{L}_]*$/u.test(before);
  if (isStart) {
    const open = (instance?.states ?? []).filter(
      ({ binding }) => !lines.some((each) => each.$type === 'Equation' && each.next && each.name === binding.name),
    );
    for (const { binding } of open)
      items.push(
        snippet(`${binding.name}' = `, `${binding.name}' = $0`, `The next value of the state ${binding.name}.`, CompletionItemKind.Snippet),
      );
    items.push(snippet('state', `state ${hole(1, 'h')}: [${hole(2, 'H')}]`, 'What stays for the next step.', CompletionItemKind.Keyword));
    items.push(
      snippet('param', `param ${hole(1, 'W')}: [${hole(2, 'H')}, ${hole(3, 'I')}]`, 'What training changes.', CompletionItemKind.Keyword),
    );
  }
  for (const [label, { cell }] of program.main.cells) {
    const doc = docComment(cell);
    items.push({
      label,
      kind: CompletionItemKind.Class,
      detail: headerText(cell),
      sortText: `1${label}`,
      ...(doc === undefined ? {} : { documentation: { kind: 'markdown', value: doc } }),
    });
  }
  for (const [label, word] of Object.entries(functionWords))
    items.push({ ...wordItem(label, word, CompletionItemKind.Function), sortText: `2${label}` });
  if (/^\s*param\b/.test(before))
    for (const [label, word] of Object.entries(startWords)) items.push(wordItem(label, word, CompletionItemKind.EnumMember));
  if (/\([^()]*,\s*[\p{L}_]*$/u.test(before))
    for (const [label, word] of Object.entries(callWords))
      items.push({ ...wordItem(label, word, CompletionItemKind.Property), insertText: `${label}: `, sortText: `3${label}` });
  return items;
}

/** A data item that is broken by what is being typed in it: the last one that begins before, where no other item comes between. */
function itemBefore(program: Program, offset: number): File['items'][number] | undefined {
  const { text, tree } = program.main;
  const last = tree.items.findLast(({ $cstNode }) => $cstNode !== undefined && $cstNode.offset <= offset);
  if (last?.$type !== 'Data') return undefined;
  const between = text.slice(last.$cstNode!.end, offset);
  return callsAt(text, offset).length > 0 && !/^[ \t]*(cell|model|train|generate|use)\b/m.test(between) ? last : undefined;
}

function inSettings(
  program: Program,
  before: string,
  words: Readonly<Record<string, Word>>,
  given: readonly { readonly name?: string }[],
  text: string,
  offset: number,
): CompletionItem[] {
  const name = /([\p{L}_]\w*)\s*:[^:{]*$/u.exec(before.replace(/\([^()]*\)/g, ''))?.[1];
  const current = /(?:^|[{,])\s*([\p{L}_]\w*)\s*:(?:[^,]|\([^)]*$|\[[^\]]*$)*$/u.exec(before)?.[1];
  const asked = [current, name].find((each) => each !== undefined && each in words);
  if (asked !== undefined) return settingValues(program, asked, text, offset);
  return Object.entries(words)
    .filter(([label]) => !given.some((each) => each.name === label))
    .map(([label, word]) => ({ ...wordItem(label, word, CompletionItemKind.Property), insertText: `${label}: ` }));
}

function inTrainHead(program: Program): CompletionItem[] {
  const models = program.models.map(({ name }) => ({ label: name, kind: CompletionItemKind.Module }));
  const data = program.statements.data.map(({ name }) => ({ label: name, kind: CompletionItemKind.File }));
  return [...models, ...data];
}

// What the call in hand takes, and which of it comes next.

import type { MarkupContent, ParameterInformation, Position, SignatureHelp } from 'vscode-languageserver-types';
import { isFunctionName } from '../check/core.ts';
import type { Cell, Model } from '../generated/ast.ts';
import { docComment, textOf } from '../places.ts';
import type { Program } from '../program.ts';
import { callsAt } from './call-at.ts';
import { offsetAt } from './documents.ts';
import { type PlaceInText, placeAt } from './place.ts';
import { callWords, functionWords, settingValueWords, sourceWords, startWords, type Word } from './words.ts';

interface Signature {
  readonly label: string;
  readonly parameters: readonly { readonly name: string; readonly text: string; readonly says?: string; readonly positional: boolean }[];
  readonly says?: string;
}

export function signatureHelp(program: Program, position: Position): SignatureHelp | undefined {
  const { text } = program.main;
  const offset = offsetAt(text, position);
  const { isInComment, item } = placeAt(text, offset);
  if (isInComment || (item !== undefined && /^(cell|model)$/.test(item.kind) && !item.isInBody)) return undefined;
  const [call] = callsAt(text, offset);
  const signature = call === undefined ? undefined : signatureOf(program, call.callee, item);
  if (call === undefined || signature === undefined) return undefined;
  const positional = signature.parameters.filter((each) => each.positional);
  const active =
    call.name === undefined
      ? signature.parameters.indexOf(positional[call.callee === 'columns' ? 0 : call.position]!)
      : signature.parameters.findIndex(({ name }) => name === call.name);
  let from = signature.label.indexOf('(') + 1;
  const parameters = signature.parameters.map(({ text: own, says }): ParameterInformation => {
    const start = signature.label.indexOf(own, from);
    from = start + own.length;
    return { label: [start, from], ...(says === undefined ? {} : { documentation: markdown(says) }) };
  });
  const documentation = signature.says === undefined ? {} : { documentation: markdown(signature.says) };
  return {
    signatures: [{ label: signature.label, parameters, ...documentation }],
    activeSignature: 0,
    activeParameter: active < 0 ? parameters.length : active,
  };
}

const markdown = (value: string): MarkupContent => ({ kind: 'markdown', value });

function signatureOf(program: Program, name: string, item: PlaceInText['item']): Signature | undefined {
  if (item?.kind === 'train' || item?.kind === 'generate') {
    const model = item.isInBody ? undefined : program.models.find((each) => each.name === name);
    if (model !== undefined) return ofModel(model);
  } else if (item?.kind !== 'data') {
    const cell = program.main.cells.get(name)?.cell ?? givenCell(program, name, item);
    if (cell !== undefined) return ofCell(cell);
  }
  if (isFunctionName(name)) return ofWord(functionWords[name]);
  const word: Word | undefined = sourceWords[name] ?? settingValueWords[name] ?? startWords[name];
  return word === undefined ? undefined : ofWord(word);
}

/** The cell that an input of the cell or model in hand stands for. */
function givenCell(program: Program, name: string, item: PlaceInText['item']): Cell | undefined {
  const instance = [...program.instances.values()].find(({ cell }) => cell.name === item?.name);
  const type = instance?.inputs.find(({ binding }) => binding.name === name)?.binding.type;
  return type?.kind === 'cell' && type.callee.kind === 'cell' ? type.callee.cell : undefined;
}

/** What a statement gives a model: its inputs that are no data, all of them named. */
function ofModel(model: Model): Signature {
  const own = model.inputs
    .filter((input) => input.$type === 'SizeInput' || input.type === undefined || input.type.$type === 'CellType')
    .map((input) => ({ name: input.name, text: textOf(input), positional: false }));
  const says = docComment(model);
  return { label: `${model.name}(${own.map(({ text }) => text).join(', ')})`, parameters: own, ...(says === undefined ? {} : { says }) };
}

function ofCell(cell: Cell): Signature {
  const own = cell.inputs.map((input) => {
    const text = textOf(input);
    // What has a default is named where it is called.
    return { name: input.name, text, positional: input.fallback === undefined };
  });
  const words = Object.entries(callWords).map(([name, { use, says }]) => ({ name, text: use, says, positional: false }));
  const says = docComment(cell);
  return {
    label: `${cell.name}(${own.map(({ text }) => text).join(', ')}; ${words.map(({ text }) => text).join(', ')})`,
    parameters: [...own, ...words],
    ...(says === undefined ? {} : { says }),
  };
}

/** Of a word as it is written: `clip(x, lowest, highest)`. */
function ofWord({ use, says }: Word): Signature | undefined {
  const start = use.indexOf('(');
  if (start < 0) return undefined;
  const inside = use.slice(start + 1, use.lastIndexOf(')'));
  const parts: string[] = [''];
  let depth = 0;
  for (const letter of inside) {
    if ('([{'.includes(letter)) depth += 1;
    if (')]}'.includes(letter)) depth -= 1;
    if (letter === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  const parameters = parts.map((part) => {
    const text = part.trim();
    const name = /^([\p{L}_]\w*)\s*:/u.exec(text)?.[1];
    return { name: name ?? text, text, positional: name === undefined };
  });
  return { label: use, parameters, says };
}

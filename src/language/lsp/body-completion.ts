// Completion in a cell or model, by its place: at the start of a line, in a shape, behind a dot or `@`, as an argument.

import { type CompletionItem, CompletionItemKind } from 'vscode-languageserver-types';
import { callOptions } from '../check/arguments.ts';
import type { Instance, TensorType, Type } from '../check/core.ts';
import { type Dimension, show } from '../check/dimensions.ts';
import { asTensor } from '../check/scope.ts';
import type { Cell } from '../generated/ast.ts';
import { textOf } from '../places.ts';
import type { Program } from '../program.ts';
import { type CallAt, callsAt } from './call-at.ts';
import {
  type Around,
  cellItems,
  dimensions,
  functionItems,
  itemOf,
  members,
  scope,
  starts,
  types,
  vocabularies,
  wordItem,
} from './completion-items.ts';
import type { PlaceInText } from './place.ts';
import { hole } from './statement-completion.ts';
import { snippet } from './templates.ts';
import { callWords, functionWords, type Word } from './words.ts';

const NAME = String.raw`[\p{L}_][\p{L}\p{M}\p{N}_]*`;
/** The name that is being typed. */
const TYPED = `(?:${NAME})?`;
const ends = (pattern: string): RegExp => new RegExp(`${pattern}$`, 'u');
const inOf = ends(String.raw`\bof\s+${TYPED}`);
const inMember = ends(String.raw`(${NAME}'?(?:\.${NAME}'?|\[\d+\])*)\.${TYPED}`);
const inShape = ends(String.raw`:\s*\[[^\]=]*`);
const inType = ends(String.raw`:\s*${TYPED}`);
const inProduct = ends(String.raw`(${NAME}'?(?:\.${NAME})*)\s*@\s*${TYPED}`);
const atLineStart = ends(String.raw`^\s*${TYPED}`);
const atArgument = ends(String.raw`[(,]\s*${TYPED}`);

export function inBody(
  program: Program,
  instance: Instance | undefined,
  place: PlaceInText,
  line: number,
  offset: number,
): CompletionItem[] {
  const { text } = program.main;
  const calls = callsAt(text, offset);
  // a call, or a line that goes on, may have begun in a line above
  const begun = calls.length === 0 ? 0 : text.slice(calls.at(-1)!.start, offset).split('\n').length - 1;
  const around: Around = { program, instance, place, line: line - Math.max(begun, goesOn(place) ? 1 : 0), calls };
  const { before } = place;
  const member = inMember.exec(before);
  if (member !== null && !/^\d/.test(member[1]!)) return members(around, member[1]!);
  if (inOf.test(before)) return vocabularies(program);
  const isDeclaration = /^\s*(state|param)\b/.test(before);
  const isStart = isDeclaration && around.calls.length === 0 && /=[^,:]*$/.test(before);
  if (inShape.test(before) && (isDeclaration || around.calls.length === 0)) return dimensions(around);
  if (isDeclaration && !isStart) return inType.test(before) ? types(around) : [];
  if (/^\s*param\b/.test(before) && isStart) return [...starts(), ...dimensions(around)];
  if (atLineStart.test(before) && around.calls.length === 0 && !goesOn(place)) return lineStarts(around);
  if (inType.test(before) && around.calls.length === 0)
    return [...dimensions(around).map((each) => ({ ...each, insertText: `[${each.label}]` }))];
  return expressions(around);
}

/** The line before ends with an operator, so this one goes on. */
const goesOn = ({ item }: PlaceInText): boolean => /([-+*/%@=<>]|\b(?:and|or|not))\s*\n\s*\S*$/.test(item?.text ?? '');

/** Where inputs are declared. */
export function inHeader(
  program: Program,
  instance: Instance | undefined,
  place: PlaceInText,
  columns: readonly { readonly name: string; readonly kind: string; readonly examples: readonly string[] }[],
): CompletionItem[] {
  const { before } = place;
  const around: Around = { program, instance, place, line: 0, calls: [] };
  if (inOf.test(before)) return vocabularies(program);
  if (inShape.test(before)) return dimensions(around);
  if (/:\s*unit\([^)]*$/.test(before)) return dimensions(around);
  if (ends(String.raw`=\s*${TYPED}`).test(before)) return [...cellItems(program, false), ...functionItems(false)];
  if (inType.test(before)) return types(around);
  if (!atArgument.test(place.item?.text ?? before)) return [];
  const typeOf = (name: string, kind: string): string => {
    if (kind === 'number') return '[1]';
    return kind === 'category' ? `one of ${name.charAt(0).toUpperCase()}${name.slice(1)}` : '[T] of Char';
  };
  return [
    ...columns.map(({ name, kind, examples }): CompletionItem => {
      const label = name.replace(/[^\p{L}\p{M}\p{N}_]/gu, '_');
      return snippet(
        label,
        `${label}: ${typeOf(label, kind)}`,
        `The column \`${name}\` of the data: ${examples.join(', ')}`,
        CompletionItemKind.Field,
        {
          detail: kind,
          sortText: `0${label}`,
        },
      );
    }),
    snippet('size', `size ${hole(1, 'H')}`, 'A dimension that is given where the cell is called.', CompletionItemKind.Keyword, {
      sortText: '2size',
    }),
    snippet('unit', 'unit: cell = lstm', 'A cell, chosen where this one is called.', CompletionItemKind.Keyword, { sortText: '2unit' }),
  ];
}

/** A new line: the next values that are missing come first. */
function lineStarts({ instance, place }: Around): CompletionItem[] {
  const cell = instance?.cell;
  const items: CompletionItem[] = [];
  const given = new Set(cell?.lines.flatMap((line) => (line.$type === 'Equation' ? [line.next ? `${line.name}'` : line.name] : [])));
  const states = instance?.states.map(({ binding }) => binding.name) ?? stateNames(place);
  for (const name of states)
    if (!given.has(`${name}'`))
      items.push(
        snippet(
          `${name}' =`,
          `${name}' = \${0}`,
          `The next value of the state \`${name}\`, which has none yet.`,
          CompletionItemKind.Event,
          {
            filterText: `${name}'`,
            sortText: `0${name}`,
          },
        ),
      );
  if (place.item?.kind === 'model' && !given.has('loss')) items.push(lossLine(instance));
  const isBeforeEquations = !/^\s*[\p{L}_][\p{L}\p{M}\p{N}_]*'?\s*(?::[^=\n]*)?=(?!=)/mu.test(
    (place.item?.text ?? '').replace(/^[^{]*\{/, '').replace(/^\s*(state|param)\b.*$/gm, ''),
  );
  const rank = isBeforeEquations ? 1 : 3;
  if (place.item?.kind !== 'model')
    items.push(
      snippet('state', `state ${hole(1, 'h')}: [${hole(2, 'H')}]`, 'What stays for the next step.', CompletionItemKind.Keyword, {
        sortText: `${rank}state`,
      }),
    );
  items.push(
    snippet('param', `param ${hole(1, 'W')}: [${hole(2, 'H')}, ${hole(3, 'I')}]`, 'What training changes.', CompletionItemKind.Keyword, {
      sortText: `${rank}param`,
    }),
  );
  return items;
}

const stateNames = ({ item }: PlaceInText): string[] =>
  Array.from((item?.text ?? '').matchAll(/^\s*state\s+([^:\n]*):/gm), (match) => match[1]!.split(',').map((name) => name.trim())).flat();

/** A loss by what the model predicts: its last scores, and an input of classes or what follows. */
function lossLine(instance: Instance | undefined): CompletionItem {
  const last = instance?.lines.findLast(({ binding }) => asTensor(binding.type) !== undefined);
  const scores = last?.binding.name ?? 'logits';
  const inputs = (instance?.inputs ?? []).filter(({ binding }) => binding.type.kind === 'tensor');
  const out = last === undefined ? undefined : asTensor(last.binding.type);
  const fits = inputs.find(({ binding }) => {
    const type = binding.type as TensorType;
    return type.classes !== undefined && out !== undefined && show(type.classes) === show(out.shape.at(-1) ?? type.classes);
  });
  const isNumbers = inputs.length > 0 && inputs.every(({ binding }) => (binding.type as TensorType).classes === undefined);
  const target = fits?.binding.name ?? inputs.at(-1)?.binding.name ?? 'input';
  const wanted = inputs.length === 1 ? `next(${target})` : target;
  const call = isNumbers ? `mse(${scores}, ${wanted})` : `cross_entropy(${scores}, ${wanted})`;
  return snippet(
    'loss =',
    `loss = ${call}`,
    'What training minimises. Without it a model runs, but cannot be trained.',
    CompletionItemKind.Event,
    {
      filterText: 'loss',
      sortText: '0loss',
      detail: call,
    },
  );
}

/** Where a value stands: what fits its place first, then what is in scope, cells, functions. */
function expressions(around: Around): CompletionItem[] {
  const { place, calls, program } = around;
  const [call] = calls;
  const isArgument = call !== undefined && atArgument.test(place.before.trimStart() === '' ? (place.item?.text ?? '') : place.before);
  const cell = call === undefined ? undefined : calledCell(around, call.callee);
  if (call?.name !== undefined) {
    const values = argumentValues(around, call.name, cell);
    if (values !== undefined) return values;
  }
  const wanted = cell === undefined || call === undefined || call.name !== undefined ? undefined : wantedInput(cell, call.position);
  const fits = fitting(around, wanted);
  const items = scope(around).map((known, k) => itemOf(known, fits(known.type) ? 0 : 2, k));
  if (call?.name === undefined && isArgument) items.push(...argumentNames(call, cell));
  if (wanted?.$type === 'SizeInput') items.push(...dimensions(around).map((each) => ({ ...each, sortText: `0${each.label}` })));
  else items.push(...dimensions(around).map((each) => ({ ...each, sortText: `5${each.label}` })));
  const isCellWanted = wanted?.$type === 'ValueInput' && wanted.type?.$type === 'CellType';
  const isCalled = /^\s*\(/.test(place.after);
  items.push(
    ...cellItems(program, !isCellWanted && !isCalled).map((each) => (isCellWanted ? { ...each, sortText: `0${each.label}` } : each)),
  );
  items.push(...functionItems(!isCellWanted && !isCalled));
  return items;
}

const wantedInput = ({ inputs }: Cell, position: number): Cell['inputs'][number] | undefined =>
  inputs.filter(({ fallback }) => fallback === undefined)[position];

/** A cell by its name, or by that of an input that takes one. */
function calledCell({ program, instance }: Around, name: string): Cell | undefined {
  const found = program.main.cells.get(name)?.cell;
  if (found !== undefined) return found;
  const type = instance?.inputs.find(({ binding }) => binding.name === name)?.binding.type;
  return type?.kind === 'cell' && type.callee.kind === 'cell' ? type.callee.cell : undefined;
}

/** Whether a value of a type is likely here: behind `@` what the product can take, for an input what it declares. */
function fitting(around: Around, wanted: Cell['inputs'][number] | undefined): (type: Type) => boolean {
  const product = inProduct.exec(around.place.before);
  if (product !== null) {
    const left = pathType(around, product[1]!);
    const contracted = left === undefined ? undefined : asTensor(left)?.shape.at(-1);
    return (type) => {
      const shape = asTensor(type)?.shape;
      if (shape === undefined || shape.length === 0 || asTensor(type)?.classes !== undefined) return false;
      return contracted === undefined || isSameName(shape.length > 1 ? shape.at(-2)! : shape[0]!, contracted);
    };
  }
  if (wanted?.$type === 'ValueInput' && wanted.type?.$type === 'ClassType') return (type) => asTensor(type)?.classes !== undefined;
  if (wanted?.$type === 'ValueInput' && wanted.type?.$type === 'CellType') return (type) => type.kind === 'cell';
  if (wanted?.$type === 'SizeInput') return () => false;
  return (type) => type.kind !== 'unknown' && type.kind !== 'cell' && asTensor(type)?.classes === undefined;
}

const isSameName = (a: Dimension, b: Dimension): boolean => show(a) === show(b);

function pathType(around: Around, path: string): Type | undefined {
  const [first, ...rest] = path.split('.');
  let type = scope(around).find(({ name }) => name === first)?.type;
  for (const part of rest) {
    if (part === 'T' && type?.kind === 'tensor') type = { ...type, shape: [...type.shape].reverse() };
    else type = type?.kind === 'record' ? type.fields.get(part) : undefined;
  }
  return type;
}

/** Names of arguments that are not given yet: inputs with a default, and what every call takes. */
function argumentNames(call: CallAt, cell: Cell | undefined): CompletionItem[] {
  const again = { title: 'Suggest', command: 'editor.action.triggerSuggest' };
  if (cell === undefined) {
    const use = (functionWords as Readonly<Record<string, Word>>)[call.callee];
    if (use === undefined || call.position === 0) return [];
    const names = ['over', ...(call.callee === 'softmax' ? ['where'] : [])];
    return names
      .filter((label) => !call.given.includes(label))
      .map((label) => ({
        label,
        kind: CompletionItemKind.Property,
        insertText: `${label}: `,
        sortText: `1${label}`,
        documentation: label === 'over' ? 'The dimension to work along.' : 'Where there is something: other places are left out.',
        command: again,
      }));
  }
  const own = cell.inputs.filter(({ fallback, name }) => fallback !== undefined && !call.given.includes(name));
  const options = callOptions.filter((name) => !call.given.includes(name));
  return [
    ...own.map(
      (input): CompletionItem => ({
        label: input.name,
        kind: CompletionItemKind.Property,
        detail: textOf(input),
        insertText: `${input.name}: `,
        sortText: `1a${input.name}`,
        command: again,
      }),
    ),
    ...(call.position === 0 && cell.inputs.some(({ fallback }) => fallback === undefined) ? [] : options).map(
      (label): CompletionItem => ({
        ...wordItem(label, callWords[label], CompletionItemKind.Property),
        insertText: `${label}: `,
        sortText: `1b${label}`,
        command: again,
      }),
    ),
  ];
}

/** Values of a named argument; undefined where any expression may stand. */
function argumentValues(around: Around, name: string, cell: Cell | undefined): CompletionItem[] | undefined {
  const { program, instance } = around;
  const known = scope(around);
  const only = (fits: (type: Type) => boolean): CompletionItem[] =>
    known.filter(({ type }) => fits(type)).map((each, k) => itemOf(each, 0, k));
  if (name === 'over') return dimensions(around);
  if (name === 'layers' || name === 'heads') return ['2', '3', '4'].map((label) => ({ label, kind: CompletionItemKind.Value }));
  if (name === 'dropout') return ['0.1', '0.2', '0.5'].map((label) => ({ label, kind: CompletionItemKind.Value }));
  if (name === 'weights')
    return only((type) => type.kind === 'record' && (cell === undefined || type.cell === cell.name) && type.instances !== undefined);
  if (name === 'from') {
    const runs = known.filter(({ type }) => type.kind === 'record' && type.states.size > 0);
    return runs
      .flatMap((each, k): CompletionItem[] => {
        const isState = instance?.states.some(({ binding }) => binding.name === each.name) === true;
        const label = isState ? each.name : `last(${each.name})`;
        return [{ ...itemOf(each, 0, k), label, filterText: label }];
      })
      .concat(only((type) => type.kind === 'tensor' && type.classes === undefined).filter(({ kind }) => kind === CompletionItemKind.Field));
  }
  const input = cell?.inputs.find((each) => each.name === name);
  if (input?.$type !== 'ValueInput') return undefined;
  const fallback = input.fallback === undefined ? '' : textOf(input.fallback);
  if (input.type?.$type === 'CellType') return cellItems(program, false);
  if (fallback === 'true' || fallback === 'false') return ['true', 'false'].map((label) => ({ label, kind: CompletionItemKind.Value }));
  if (fallback in functionWords)
    return ['tanh', 'relu', 'sigmoid', 'gelu', 'softplus'].map((label) =>
      wordItem(label, functionWords[label as 'tanh'], CompletionItemKind.Function),
    );
  return undefined;
}

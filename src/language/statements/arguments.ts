// The model that a statement names, and what it gives to those of its inputs that are no data.

import type { ModelArguments } from '../check/definitions.ts';
import { closest } from '../check/scope.ts';
import type { Expression, Generate, Model, Train } from '../generated/ast.ts';
import { rangeOfProperty, textOf } from '../places.ts';
import type { SettingsReader } from './settings-reader.ts';
import type { Items, Report } from './statements.ts';

export function modelOf(item: Train | Generate, items: Items, reader: SettingsReader, uri: string, report: Report): Model | undefined {
  const model = items.models.find(({ name }) => name === item.model);
  if (model === undefined) {
    const meant = closest(
      item.model,
      items.models.map(({ name }) => name),
    );
    const message = `There is no model \`${item.model}\` in this file.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`;
    const repair = meant === undefined ? {} : { repair: meant };
    report({ range: rangeOfProperty(item, 'model', uri), severity: 'error', code: 'unknown-name', message, ...repair });
    reader.isSound = false;
  }
  return model;
}

/** One way to fill the arguments; `label` tells it from the others of a list. */
export interface Filled {
  readonly values: ModelArguments;
  readonly label?: string;
}

/** The arguments that a statement gives a model: a number, true or false, the name of a cell or function; of a list, each in turn. */
export function argumentsOf(item: Train | Generate, model: Model | undefined, items: Items, reader: SettingsReader): readonly Filled[] {
  let ways: readonly Filled[] = [{ values: {} }];
  for (const argument of item.arguments) {
    const { name, value } = argument;
    if (name === undefined) {
      reader.fault(argument, 'The arguments of a model are named, as in (unit: gru).');
      continue;
    }
    const known = (model?.inputs ?? []).filter(
      (input) => input.$type === 'SizeInput' || input.type?.$type === 'CellType' || input.type === undefined,
    );
    if (model !== undefined && !known.some((input) => input.name === name)) {
      const meant = closest(
        name,
        known.map((input) => input.name),
      );
      reader.fault(
        argument,
        `Model ${model.name} has no input \`${name}\` that could be given here.${meant === undefined ? '' : ` Did you mean \`${meant}\`?`}`,
        'argument',
      );
      continue;
    }
    const input = known.find((each) => each.name === name);
    const wantsCell = input?.$type === 'ValueInput' && input.type?.$type === 'CellType';
    ways = filledWith(ways, name, value, wantsCell, item, items, reader);
  }
  for (const input of model?.inputs ?? []) {
    const isOpen = input.fallback === undefined && (input.$type === 'SizeInput' || input.type?.$type === 'CellType');
    if (isOpen && !item.arguments.some(({ name }) => name === input.name))
      reader.fault(
        item,
        `Model ${model!.name} needs \`${input.name}\`, as in ${item.$type === 'Train' ? 'train' : 'generate'} ${model!.name}(${input.name}: ${input.$type === 'SizeInput' ? '128' : 'gru'}).`,
        'argument',
      );
  }
  return ways;
}

/** With one more argument; a list multiplies the ways. */
function filledWith(
  ways: readonly Filled[],
  name: string,
  value: Expression,
  wantsCell: boolean,
  item: Train | Generate,
  items: Items,
  reader: SettingsReader,
): readonly Filled[] {
  const isList = value.$type === 'Brackets' && !value.joined;
  if (isList && item.$type === 'Generate') {
    reader.fault(value, 'generate takes one model: give one value.', 'argument');
    return ways;
  }
  const given = (isList ? value.parts : [value]).flatMap((each) => {
    const plain = plainValue(name, each, wantsCell, items, reader);
    return plain === undefined ? [] : [plain];
  });
  if (given.length === 0) return ways;
  return ways.flatMap(({ values, label }) =>
    given.map((each): Filled => {
      const own = isList && given.length > 1 ? `${name}: ${each}` : undefined;
      const labels = [label, own].filter((part) => part !== undefined).join(', ');
      return { values: { ...values, [name]: each }, ...(labels === '' ? {} : { label: labels }) };
    }),
  );
}

function plainValue(
  name: string,
  value: Expression,
  wantsCell: boolean,
  items: Items,
  reader: SettingsReader,
): string | number | boolean | undefined {
  if (wantsCell) {
    if (value.$type === 'Reference' && items.isCell(value.name)) return value.name;
    reader.fault(value, `\`${name}\` takes the name of a cell, and nothing is called \`${textOf(value)}\`.`, 'unknown-name');
    return undefined;
  }
  if (value.$type === 'NumberLiteral') return value.value;
  if (value.$type === 'BooleanLiteral') return value.value === 'true';
  if (value.$type === 'Reference') return value.name;
  reader.fault(value, `\`${name}\` takes a number, true, false, or a name.`, 'argument');
  return undefined;
}

// A cell in its place: arguments to inputs, dimensions of its own, the steps it runs over, its state and its parameters.

import type { AstNode } from 'langium';
import type { Fault } from '../../shared/source.ts';
import type { Argument, Call, Cell, Definition, Expression, Type as TypeNode, ValueInput } from '../generated/ast.ts';
import { rangeOf, textOf } from '../places.ts';
import { unifyShapes } from './alignment.ts';
import type { Binding, CheckedFile, Core, Instance, RecordType, TensorType, Type } from './core.ts';
import {
  constant,
  type Dimension,
  equate,
  isOpen,
  isSame,
  minus,
  numberOf,
  open,
  over,
  plus,
  rigid,
  show,
  showShape,
  times,
} from './dimensions.ts';
import { constantNumber } from './functions.ts';
import { asTensor, core, fault, type OpenInstance, type Scope, showType, suggestion, tensorType, unknown, wrong } from './scope.ts';

/** What every call of a cell takes. */
export const callOptions = ['layers', 'heads', 'dropout', 'from', 'weights', 'over'] as const;
type CallOption = (typeof callOptions)[number];
const isCallOption = (name: string | undefined): name is CallOption => (callOptions as readonly (string | undefined)[]).includes(name);

type Input = Definition['inputs'][number];

export function cellCall(cell: Cell, file: CheckedFile, node: Call, scope: Scope, main: boolean): Core {
  const path = pathOf(cell, scope, main);
  const option = (name: CallOption): Argument | undefined => node.arguments.find((argument) => argument.name === name);
  const heads = option('heads');
  if (heads !== undefined) return wrong(scope, heads.value, 'not-yet', '`heads:` is not supported by this version.');
  if (depthOf(scope.instance) > 64) return wrong(scope, node, 'recursion', `${cell.name} calls itself: a cell is made of other cells.`);

  const matched = matchArguments(cell, node, scope);
  if (matched === undefined) return unknown(node);
  const layersArgument = option('layers');
  const count = layersArgument === undefined ? 1 : constantNumber(layersArgument.value, scope);
  if (count === undefined || !Number.isInteger(count) || count < 1)
    return wrong(scope, layersArgument!.value, 'number', '`layers:` takes a whole number from 1.');
  const dropoutArgument = option('dropout');
  const dropout = dropoutArgument === undefined ? undefined : constantNumber(dropoutArgument.value, scope);
  if (dropoutArgument !== undefined && (dropout === undefined || dropout < 0 || dropout >= 1))
    return wrong(scope, dropoutArgument.value, 'number', '`dropout:` takes a number from 0 to below 1.');
  const from = optionalValue(option('from'), scope);
  const shared = optionalValue(option('weights'), scope);
  if (from?.type.kind === 'unknown' || shared?.type.kind === 'unknown') return unknown(node);
  const sharedInstances = sharedOf(shared, count, cell, scope);
  if (shared !== undefined && sharedInstances === undefined) return unknown(node);

  const chained = cell.inputs.find(
    (input): input is ValueInput => input.$type === 'ValueInput' && isTensorInput(input) && input.fallback === undefined,
  );
  const instances: OpenInstance[] = [];
  const records: RecordType[] = [];
  for (let layer = 0; layer < count; layer += 1) {
    const given = new Map(matched);
    const below = records.at(-1);
    if (below !== undefined && chained !== undefined) given.set(chained, core({ op: 'unknown' }, below.value ?? { kind: 'unknown' }, node));
    const made = makeInstance({
      cell,
      file,
      node,
      scope,
      path: layersArgument === undefined ? path : `${path}[${layer}]`,
      given,
      from: layerOf(from, layer, count),
      shared: sharedInstances?.[layer],
      overArgument: option('over'),
    });
    if (made === undefined) return unknown(node);
    instances.push(made.instance);
    records.push(made.record);
    scope.instance.nested.push(made.instance);
  }
  scope.notes?.instances.set(node, instances);
  const top = records.at(-1)!;
  if (top.value === undefined && instances.at(-1)!.lines.at(-1)?.binding.type.kind === 'unknown') return unknown(node);
  const type: RecordType = layersArgument === undefined ? top : { ...top, layers: records };
  return core(
    {
      op: 'call',
      layers: instances,
      ...(dropout === undefined || dropout === 0 ? {} : { dropout }),
      ...(from === undefined ? {} : { from }),
      ...(chained === undefined ? {} : { chained: chained.name }),
    },
    type,
    node,
  );
}

const depthOf = (instance: Instance): number => (instance.parent === undefined ? 0 : 1 + depthOf(instance.parent));

const optionalValue = (argument: Argument | undefined, scope: Scope): Core | undefined =>
  argument === undefined ? undefined : scope.checker.expression(argument.value, scope);

/** The path of lines to a call; one inside a larger line adds its cell's name, a second one of that name a number. */
function pathOf(cell: Cell, scope: Scope, main: boolean): string {
  const { instance, line, calls } = scope;
  const base = instance.path === '' ? line : `${instance.path}.${line}`;
  if (main) return base;
  const times = (calls.get(cell.name) ?? 0) + 1;
  calls.set(cell.name, times);
  return times === 1 ? `${base}.${cell.name}` : `${base}.${cell.name}_${times}`;
}

export const isTensorInput = (input: ValueInput): boolean => input.type?.$type === 'TensorType' || input.type?.$type === 'ClassType';

/** The argument for each input, evaluated where the call stands. */
function matchArguments(cell: Cell, node: Call, scope: Scope): Map<Input, Core> | undefined {
  const given = new Map<Input, Core>();
  const required = cell.inputs.filter((input) => input.fallback === undefined);
  const positional = node.arguments.filter((argument) => argument.name === undefined);
  if (positional.length > required.length) {
    const wanted = required.map(({ name }) => name).join(', ');
    const optional = cell.inputs.find((input) => input.fallback !== undefined);
    const hint = optional === undefined ? '' : ` What has a default is named: \`${optional.name}: ...\`.`;
    fault(scope, positional[required.length]!, 'argument', `${cell.name}(${wanted}) has no place for this argument.${hint}`);
    return undefined;
  }
  positional.forEach((argument, k) => {
    given.set(required[k]!, scope.checker.expression(argument.value, scope));
  });
  for (const argument of node.arguments) {
    if (argument.name === undefined || isCallOption(argument.name)) continue;
    const input = cell.inputs.find(({ name }) => name === argument.name);
    if (input === undefined) {
      const known = [...cell.inputs.map(({ name }) => name), ...callOptions];
      fault(scope, argument, 'argument', `${cell.name} has no input \`${argument.name}\`.${suggestion(argument.name, known)}`);
      return undefined;
    }
    if (given.has(input)) {
      fault(scope, argument, 'argument', `\`${argument.name}\` is given twice.`);
      return undefined;
    }
    given.set(input, scope.checker.expression(argument.value, scope));
  }
  return [...given.values()].some((value) => value.type.kind === 'unknown') ? undefined : given;
}

function sharedOf(shared: Core | undefined, count: number, cell: Cell, scope: Scope): readonly Instance[] | undefined {
  if (shared === undefined) return undefined;
  const instances = shared.type.kind === 'record' ? (shared.type.layers ?? [shared.type]).flatMap((layer) => layer.instances ?? []) : [];
  const text = textOf(shared.source);
  if (instances.length === 0) {
    fault(scope, shared.source, 'weights', `\`weights:\` takes a line that is a call, and ${text} is none.`);
    return undefined;
  }
  if (instances[0]!.cell !== cell || instances.length !== count) {
    const what =
      instances[0]!.cell !== cell
        ? `${text} is ${instances[0]!.cell.name}; here it would be ${cell.name}`
        : `${text} has ${instances.length} layers, here are ${count}`;
    fault(scope, shared.source, 'weights', `\`weights: ${text}\`: ${what}.`);
    return undefined;
  }
  return instances;
}

function layerOf(from: Core | undefined, layer: number, count: number): Core | undefined {
  if (from === undefined || count === 1 || from.type.kind !== 'record' || from.type.layers === undefined) return from;
  const type = from.type.layers[layer];
  return type === undefined ? from : core({ op: 'layer', of: from, index: layer }, type, from.source);
}

interface Making {
  readonly cell: Cell;
  readonly file: CheckedFile;
  readonly node: Call;
  /** Of the caller. */
  readonly scope: Scope;
  readonly path: string;
  readonly given: ReadonlyMap<Input, Core>;
  readonly from: Core | undefined;
  readonly shared: Instance | undefined;
  readonly overArgument: Argument | undefined;
}

function makeInstance(making: Making): { instance: OpenInstance; record: RecordType } | undefined {
  const { cell, file, node, scope, path, given } = making;
  const inner = openScope(cell, file, path, scope, node);
  const { instance } = inner;

  // cells first: the shapes of other inputs may speak of them (`start: unit(H)`)
  for (const input of cell.inputs) {
    if (input.$type !== 'ValueInput') continue;
    const value =
      given.get(input) ??
      (input.fallback !== undefined && !isTensorInput(input) ? scope.checker.expression(input.fallback, inner) : undefined);
    if (input.type?.$type === 'CellType' && value !== undefined && value.type.kind !== 'cell') {
      wrong(scope, value.source, 'argument', `\`${input.name}\` of ${cell.name} takes a cell, as in \`${input.name}: gru\`.`);
      return undefined;
    }
    if (value?.type.kind === 'cell') inner.names.set(input.name, binding(input, value.type));
  }
  for (const input of cell.inputs) if (input.$type === 'SizeInput') instance.dimensions.set(input.name, open(input.name));
  for (const input of cell.inputs) {
    const value = given.get(input);
    if (input.$type === 'SizeInput') {
      if (value !== undefined && !takeSize(making, instance.dimensions.get(input.name)!, input.name, value)) return undefined;
    } else if (!inner.names.has(input.name) && !takeValue(making, inner, input, value)) return undefined;
  }
  for (const input of cell.inputs) {
    if (input.$type !== 'SizeInput' || input.fallback === undefined || given.has(input)) continue;
    const length = asTensor(scope.checker.expression(input.fallback, inner).type)?.length;
    if (length !== undefined) equate(instance.dimensions.get(input.name)!, length);
  }
  checkLift(making, instance);

  const value = scope.checker.body(inner);
  if (making.from !== undefined && !takeState(making, instance, making.from)) return undefined;
  if (instance.stateful && instance.lift.length > 1) {
    const lifted = instance.inputs.find((input) => input.lifted)!;
    const text = textOf(lifted.argument!.source);
    wrong(
      scope,
      node,
      'shape',
      `${cell.name} takes ${lifted.binding.name}: ${showType(lifted.binding.type)}, one step; \`${text}\` is ${showType(lifted.argument!.type)}, ${numberWord(instance.lift.length)} dimensions too many to run over. Which one is time?`,
    );
    return undefined;
  }
  if (making.overArgument !== undefined) checkOver(making, instance);
  if (making.from === undefined && instance.stateful && instance.lift.length === 0) markStateful(scope.instance);
  shareWeights(making, instance);
  sizesAreTold(making, instance);
  return { instance, record: recordOf(cell, instance, value) };
}

const numberWord = (count: number): string => ['no', 'one', 'two', 'three', 'four'][count] ?? `${count}`;

function markStateful(instance: Instance): void {
  (instance as OpenInstance).stateful = true;
}

function openScope(cell: Cell, file: CheckedFile, path: string, caller: Scope, node: Call): Scope {
  const instance: OpenInstance = {
    path,
    cell,
    uri: file.uri,
    parent: caller.instance,
    call: node,
    dimensions: new Map(),
    inputs: [],
    params: [],
    states: [],
    lines: [],
    nested: [],
    lift: [],
    stateful: false,
  };
  let said = false;
  // a fault that only this use of the cell has is told at the call
  const report = (found: Fault): void => {
    if (said || found.severity !== 'error') return;
    said = true;
    const where =
      found.range.uri === caller.file.uri ? `line ${found.range.start.line + 1}` : `${cell.name}, line ${found.range.start.line + 1}`;
    caller.report({
      ...found,
      range: rangeOf(node, caller.file.uri),
      message: `${cell.name} cannot be used so (${where}): ${found.message}`,
    });
  };
  return {
    instance,
    file,
    names: new Map(),
    below: new Set(cell.lines.flatMap((line) => (line.$type === 'Equation' ? [line.next ? `${line.name}'` : line.name] : []))),
    report: isFaulty(cell) ? () => undefined : report,
    pending: caller.pending,
    checker: caller.checker,
    line: '',
    calls: new Map(),
  };
}

/** Cells that have faults on their own: what their uses would say is an echo. */
const faulty = new WeakSet<Cell>();
const isFaulty = (cell: Cell): boolean => faulty.has(cell);
export const markFaulty = (cell: Cell): void => {
  faulty.add(cell);
};

const binding = (input: ValueInput, type: Type): Binding => ({ name: input.name, kind: 'input', type, declaration: input });

function takeSize({ cell, scope }: Making, dimension: Dimension, name: string, value: Core): boolean {
  const length = asTensor(value.type)?.length;
  if (length === undefined) {
    wrong(
      scope,
      value.source,
      'size',
      `\`${name}\` of ${cell.name} is a size: a whole number or a dimension, and \`${textOf(value.source)}\` is ${showType(value.type)}.`,
    );
    return false;
  }
  const size = numberOf(length);
  if (size !== undefined && (size < 1 || !Number.isInteger(size))) {
    wrong(scope, value.source, 'size', `A size is a whole number from 1; \`${name}\` would be ${size}.`);
    return false;
  }
  if (equate(dimension, length)) return true;
  wrong(scope, value.source, 'size', `${name} of ${cell.name} is ${show(dimension)} by its other arguments and ${show(length)} here.`);
  return false;
}

/** A value for an input: as declared, or with dimensions before that are run over. */
function takeValue(making: Making, inner: Scope, input: ValueInput, value: Core | undefined): boolean {
  const { cell, scope, node } = making;
  const { instance } = inner;
  if (value === undefined) {
    if (input.fallback === undefined) {
      wrong(scope, node, 'argument', `${cell.name} needs \`${input.name}\`, as in ${headerOf(cell)}.`);
      return false;
    }
    const fallback = scope.checker.expression(input.fallback, inner);
    instance.inputs.push({ binding: binding(input, fallback.type), declaration: input, argument: fallback, lifted: false });
    inner.names.set(input.name, instance.inputs.at(-1)!.binding);
    return true;
  }
  const wanted: Type = input.type === undefined ? tensorType([]) : scope.checker.typeOf(input.type, inner);
  if (wanted.kind === 'record') return takeRecord(making, inner, input, wanted, value);
  const want = asTensor(wanted);
  const have = asTensor(value.type);
  if (want === undefined) return false;
  const text = textOf(value.source);
  if (have === undefined) {
    wrong(
      scope,
      value.source,
      'argument',
      `\`${input.name}\` of ${cell.name} is ${showType(wanted)}, and \`${text}\` is ${showType(value.type)}.`,
    );
    return false;
  }
  if (want.classes === undefined && have.classes !== undefined) {
    wrong(
      scope,
      value.source,
      'classes',
      `\`${text}\` holds classes of ${show(have.classes)}, not numbers. embed(${text}, 64) makes vectors of them.`,
      `embed(${text}, 64)`,
    );
    return false;
  }
  if (want.classes !== undefined && have.classes === undefined) {
    wrong(
      scope,
      value.source,
      'classes',
      `${cell.name} takes ${input.name}: ${showType(want)}, and \`${text}\` is ${showType(have)}: numbers, no classes.`,
    );
    return false;
  }
  const extra = have.shape.length - want.shape.length;
  const step = have.shape.slice(Math.max(0, extra));
  if (extra < 0 || !unifyShapes(want.shape, step) || (want.classes !== undefined && !equate(want.classes, have.classes!))) {
    const off = extra < 0 ? ` ${text} has ${extra === -1 ? 'a dimension' : `${-extra} dimensions`} too few.` : '';
    wrong(scope, value.source, 'shape', `${cell.name} takes ${input.name}: ${showType(want)}, and \`${text}\` is ${showType(have)}.${off}`);
    return false;
  }
  const lift = have.shape.slice(0, extra);
  if (extra > 0) {
    if (instance.lift.length === 0) instance.lift = lift;
    else if (instance.lift.length !== extra || !instance.lift.every((dimension, k) => equate(dimension, lift[k]!))) {
      wrong(scope, value.source, 'shape', `${cell.name} cannot run over ${showShape(instance.lift)} and ${showShape(lift)} at once.`);
      return false;
    }
  }
  const bound = binding(input, input.type === undefined ? value.type : want); // a plain number stays known
  instance.inputs.push({ binding: bound, declaration: input, argument: value, lifted: extra > 0 });
  inner.names.set(input.name, bound);
  return true;
}

const headerOf = (cell: Cell): string =>
  `${cell.name}(${cell.inputs
    .filter((input) => input.fallback === undefined)
    .map((input) => (input.$type === 'SizeInput' ? '128' : input.name))
    .join(', ')})`;

/** An input that is a state: `start: unit(H)`. */
function takeRecord({ cell, scope }: Making, inner: Scope, input: ValueInput, wanted: RecordType, value: Core): boolean {
  if (!matchStates(wanted.states, value, scope, `\`${input.name}\` of ${cell.name}`)) return false;
  const bound = binding(input, wanted);
  inner.instance.inputs.push({ binding: bound, declaration: input, argument: value, lifted: false });
  inner.names.set(input.name, bound);
  return true;
}

/** `from:` gives every state of the cell, by name and shape. */
function takeState({ cell, scope }: Making, instance: OpenInstance, from: Core): boolean {
  if (instance.states.length === 0) {
    const why = instance.stateful ? 'its state is that of the cells it calls' : 'it has no state';
    wrong(scope, from.source, 'from', `\`from:\` gives ${cell.name} a state to start from, and ${why}.`);
    return false;
  }
  const wanted = new Map(instance.states.map((state) => [state.binding.name, state.binding.type]));
  return matchStates(wanted, from, scope, cell.name);
}

function matchStates(wanted: ReadonlyMap<string, Type>, from: Core, scope: Scope, who: string): boolean {
  const text = textOf(from.source);
  const { type } = from;
  const names = [...wanted.keys()];
  if (type.kind === 'record' && type.layers !== undefined && type.layers.length > 1) {
    wrong(
      scope,
      from.source,
      'from',
      `\`from: ${text}\`: it has ${type.layers.length} layers, one is needed: name it, as in last(run[${type.layers.length - 1}]).`,
    );
    return false;
  }
  if (type.kind === 'record' && names.every((name) => type.states.has(name))) {
    for (const [name, want] of wanted) {
      const [a, b] = [asTensor(want), asTensor(type.states.get(name)!)];
      if (a === undefined || b === undefined) continue;
      if (!unifyShapes(a.shape, b.shape)) {
        wrong(
          scope,
          from.source,
          'from',
          `${name} of ${who} is ${showShape(a.shape)}; \`from: ${text}\` gives ${showShape(b.shape)}.${sizeConflict(a, b, text)}`,
        );
        return false;
      }
    }
    return true;
  }
  if (names.length === 1 && asTensor(type) !== undefined) {
    const [a, b] = [asTensor(wanted.get(names[0]!)!), asTensor(type)];
    if (a === undefined || unifyShapes(a.shape, b!.shape)) return true;
    wrong(
      scope,
      from.source,
      'from',
      `${names[0]} of ${who} is ${showShape(a.shape)}; \`from: ${text}\` gives ${showShape(b!.shape)}.${sizeConflict(a, b!, text)}`,
    );
    return false;
  }
  if (type.kind === 'record') {
    const has = [...type.states.keys()];
    wrong(
      scope,
      from.source,
      'from',
      `\`from: ${text}\`: it is a ${type.cell} with the state ${has.join(' and ') || 'of none'}; ${who} needs ${names.join(' and ')}.`,
    );
  } else
    wrong(scope, from.source, 'from', `\`from: ${text}\`: ${who} needs the state ${names.join(' and ')}, and this is ${showType(type)}.`);
  return false;
}

function sizeConflict(a: TensorType, b: TensorType, text: string): string {
  const index = a.shape.findIndex((dimension, k) => b.shape[k] !== undefined && !isSame(dimension, b.shape[k]!));
  if (index < 0 || a.shape.length !== b.shape.length) return '';
  return ` The size is ${show(b.shape[index]!)} by \`from: ${text}\` and ${show(a.shape[index]!)} by the argument.`;
}

function checkLift({ cell, scope, node }: Making, instance: OpenInstance): void {
  const cellHasOwnState = cell.lines.some((line) => line.$type === 'State');
  if (
    cellHasOwnState &&
    instance.lift.length === 1 &&
    numberOf(instance.lift[0]!) !== undefined &&
    node.arguments.every((argument) => argument.name !== 'over')
  )
    fault(scope, node, 'runs', `${cell.name} runs over the ${show(instance.lift[0]!)} rows of its input.`, { severity: 'hint' });
}

function checkOver({ cell, scope, overArgument }: Making, instance: OpenInstance): void {
  const { value } = overArgument!;
  const length = asTensor(scope.checker.expression(value, scope).type)?.length;
  if (length === undefined) wrong(scope, value, 'over', `\`over:\` takes the name of a dimension, and \`${textOf(value)}\` is none.`);
  else if (instance.lift.length !== 1 || !isSame(instance.lift[0]!, length)) {
    const runs = instance.lift.length === 0 ? 'takes one step here' : `runs over ${instance.lift.map(show).join(', ')}`;
    wrong(scope, value, 'over', `${cell.name} ${runs}, not over ${show(length)}.`);
  }
}

/** `weights: a`: the parameters of a, which must have the shapes that they would have here. */
function shareWeights({ cell, scope, node, shared }: Making, instance: OpenInstance): void {
  if (shared === undefined) return;
  const pairs = (a: Instance, b: Instance): void => {
    a.params.forEach((parameter, k) => {
      const other = b.params[k];
      if (other === undefined) return;
      if (!unifyShapes(parameter.shape, other.shape)) {
        const argument = node.arguments.find(({ name }) => name === 'weights')!;
        const text = textOf(argument.value);
        wrong(
          scope,
          argument.value,
          'weights',
          `\`weights: ${text}\`: ${text} is ${cell.name} with ${other.binding.name} ${showShape(other.shape)}; here it would be ${showShape(parameter.shape)}.`,
        );
        return;
      }
      (a as OpenInstance).params[k] = { ...parameter, weight: other.weight };
    });
    a.nested.forEach((inner, k) => {
      if (b.nested[k] !== undefined) pairs(inner, b.nested[k]);
    });
  };
  pairs(instance, shared);
}

function sizesAreTold({ cell, node, scope, given }: Making, instance: OpenInstance): void {
  scope.pending.push(() => {
    for (const input of cell.inputs) {
      if (input.$type !== 'SizeInput' || given.has(input) || !isOpen(instance.dimensions.get(input.name)!)) continue;
      wrong(scope, node, 'size', `\`size ${input.name}\` is not told by the arguments: ${textOf(node)} needs it, as in ${headerOf(cell)}.`);
    }
  });
}

/** What a call gives: fields and states, with the dimensions that it ran over before their own. */
function recordOf(cell: Cell, instance: OpenInstance, value: Core | undefined): RecordType {
  const { lift } = instance;
  const fields = new Map<string, Type>();
  const states = new Map<string, Type>();
  for (const { binding: param } of instance.params) fields.set(param.name, param.type);
  for (const { binding: state } of instance.states) {
    const lifted = withLift(state.type, lift);
    states.set(state.name, lifted);
    fields.set(state.name, lifted);
  }
  for (const { binding: line } of instance.lines) fields.set(line.name.replace(/'$/, ''), withLift(line.type, lift));
  const tensor = value === undefined ? undefined : asTensor(value.type);
  return {
    kind: 'record',
    cell: cell.name,
    fields,
    states,
    ...(tensor === undefined ? {} : { value: withLift(tensor, lift) as TensorType }),
    instances: [instance],
  };
}

export function withLift(type: Type, lift: readonly Dimension[]): Type {
  if (lift.length === 0) return type;
  if (type.kind === 'tensor')
    return tensorType([...lift, ...type.shape], {
      ...(type.classes === undefined ? {} : { classes: type.classes }),
      ...(type.boolean ? { boolean: true } : {}),
    });
  if (type.kind !== 'record') return type;
  const each = (map: ReadonlyMap<string, Type>): Map<string, Type> =>
    new Map([...map].map(([name, inner]) => [name, withLift(inner, lift)]));
  return {
    ...type,
    fields: each(type.fields),
    states: each(type.states),
    ...(type.value === undefined ? {} : { value: withLift(type.value, lift) as TensorType }),
    ...(type.layers === undefined ? {} : { layers: type.layers.map((layer) => withLift(layer, lift) as RecordType) }),
  };
}

// ---------------------------------------------------------------------------------------------------------------- declared types

/** The type that is written: dimensions by the names of the instance. */
export function typeOf(node: TypeNode, scope: Scope): Type {
  switch (node.$type) {
    case 'TensorType': {
      const shape = node.dimensions.map((dimension) => dimensionOf(dimension, scope));
      if (shape.some((dimension) => dimension === undefined)) return { kind: 'unknown' };
      const classes = node.classes === undefined ? {} : { classes: namedDimension(node.classes, scope) };
      return tensorType(shape as Dimension[], classes);
    }
    case 'ClassType':
      return tensorType([], { classes: namedDimension(node.classes, scope) });
    case 'NumberType':
      return tensorType([]);
    case 'CellType':
      return { kind: 'unknown' };
    case 'StateType': {
      const local = scope.names.get(node.cell)?.type;
      const found =
        local?.kind === 'cell' && local.callee.kind === 'cell'
          ? local.callee
          : local === undefined
            ? scope.file.cells.get(node.cell)
            : undefined;
      if (found === undefined) {
        if (local?.kind !== 'unknown')
          fault(
            scope,
            node,
            'unknown-name',
            `\`${node.cell}(...)\` is the state of a cell, and no cell is called \`${node.cell}\`.${suggestion(node.cell, scope.file.cells.keys())}`,
          );
        return { kind: 'unknown' };
      }
      return scope.checker.stateOf(found.cell, found.file, node.arguments, scope, node);
    }
    default:
      return { kind: 'unknown' };
  }
}

function namedDimension(name: string, scope: Scope): Dimension {
  const { dimensions } = scope.instance;
  let found = dimensions.get(name);
  if (found === undefined) {
    found = scope.instance.parent === undefined ? rigid(name) : open(name);
    dimensions.set(name, found);
  }
  return found;
}

/** A dimension as written in a shape: a name, a number, sums, products and quotients of them. */
function dimensionOf(node: Expression, scope: Scope): Dimension | undefined {
  switch (node.$type) {
    case 'NumberLiteral':
      if (Number.isInteger(node.value) && node.value >= 1) return constant(node.value);
      fault(scope, node, 'dimension', `A dimension is a whole number from 1; ${node.value} is none.`);
      return undefined;
    case 'Parentheses':
      return dimensionOf(node.inner, scope);
    case 'Reference': {
      if (node.next) break;
      const known = scope.names.get(node.name);
      const length = known === undefined ? undefined : asTensor(known.type)?.length;
      if (length !== undefined) return length;
      if (!scope.instance.dimensions.has(node.name) && scope.line !== '') {
        const names = [...scope.instance.dimensions.keys()];
        fault(
          scope,
          node,
          'unknown-dimension',
          `\`${node.name}\` is no dimension here: it stands in no input's shape and after no \`size\`.${suggestion(node.name, names)}`,
        );
        return undefined;
      }
      return namedDimension(node.name, scope);
    }
    case 'Binary': {
      const [a, b] = [dimensionOf(node.left, scope), dimensionOf(node.right, scope)];
      if (a === undefined || b === undefined) return undefined;
      const combine = { '+': plus, '-': minus, '*': times, '/': over }[node.operator as '+'];
      if (combine !== undefined) return combine(a, b);
      break;
    }
    default:
  }
  fault(scope, node as AstNode, 'dimension', 'A dimension is a name, a number, or a sum, product or quotient of them.');
  return undefined;
}

/** The state of a cell as a type: `lstm(H)` has the fields h and c. */
export function stateOf(cell: Cell, file: CheckedFile, sizes: readonly Argument[], scope: Scope, node: AstNode): Type {
  const stateLines = cell.lines.filter((line) => line.$type === 'State');
  if (stateLines.length === 0) {
    fault(scope, node, 'no-state', `\`${textOf(node)}\`: ${cell.name} has no state.`);
    return { kind: 'unknown' };
  }
  const layers = sizes.find(({ name }) => name === 'layers');
  if (layers !== undefined) {
    fault(scope, layers, 'not-yet', '`layers:` in the type of a state is not supported by this version.');
    return { kind: 'unknown' };
  }
  const inner: Scope = {
    ...scope,
    file,
    instance: { ...scope.instance, parent: scope.instance, cell, dimensions: new Map() },
    names: new Map(),
    line: '',
  };
  const sizeInputs = cell.inputs.filter((input) => input.$type === 'SizeInput');
  for (const input of cell.inputs) {
    if (input.$type === 'SizeInput') inner.instance.dimensions.set(input.name, open(input.name));
    else if (input.type?.$type === 'TensorType')
      for (const dimension of input.type.dimensions)
        if (dimension.$type === 'Reference' && !inner.instance.dimensions.has(dimension.name))
          inner.instance.dimensions.set(dimension.name, open(dimension.name));
  }
  sizes.forEach((argument, k) => {
    const { value } = argument;
    // among the inputs, a name in a state's type declares a dimension as one in a shape does
    if (scope.line === '' && value.$type === 'Reference' && !scope.names.has(value.name)) namedDimension(value.name, scope);
    const length = asTensor(scope.checker.expression(argument.value, scope).type)?.length;
    const input = argument.name === undefined ? sizeInputs[k] : sizeInputs.find(({ name }) => name === argument.name);
    if (length !== undefined && input !== undefined) equate(inner.instance.dimensions.get(input.name)!, length);
  });
  const states = new Map<string, Type>();
  for (const line of stateLines)
    for (const group of line.groups) {
      const type = scope.checker.typeOf(group.type, inner);
      for (const variable of group.names) states.set(variable.name, type);
    }
  const last = cell.lines.at(-1);
  const value = last?.$type === 'Equation' && last.next ? states.get(last.name) : undefined;
  const tensor = value === undefined ? undefined : asTensor(value);
  return { kind: 'record', cell: cell.name, fields: states, states, stateOnly: true, ...(tensor === undefined ? {} : { value: tensor }) };
}

// A cell in its place: arguments to inputs, dimensions of its own, the steps it runs over, its state and its parameters.

import type { Fault } from '../../shared/source.ts';
import type { Argument, Call, Cell, Definition, ValueInput } from '../generated/ast.ts';
import { rangeOf, textOf } from '../places.ts';
import { unifyShapes } from './alignment.ts';
import { constantNumber } from './application.ts';
import { type CallOption, headerOf, type Input, isTensorInput, matchArguments } from './arguments.ts';
import type { Binding, CheckedFile, Core, Instance, RecordType, Type } from './core.ts';
import { type Dimension, equate, isOpen, isSame, numberOf, open, show, showShape } from './dimensions.ts';
import { matchStates } from './handed-states.ts';
import { instancesOf, joinedHeads, layered, recordOf } from './records.ts';
import { asTensor, core, fault, type OpenInstance, type Scope, showType, tensorType, unknown, wrong } from './scope.ts';

export function cellCall(cell: Cell, file: CheckedFile, node: Call, scope: Scope, main: boolean): Core {
  const path = pathOf(cell, scope, main);
  const option = (name: CallOption): Argument | undefined => node.arguments.find((argument) => argument.name === name);
  if (depthOf(scope.instance) > 64) return wrong(scope, node, 'recursion', `${cell.name} calls itself: a cell is made of other cells.`);

  const matched = matchArguments(cell, node, scope);
  if (matched === undefined) return unknown(node);
  const layersArgument = option('layers');
  const headsArgument = option('heads');
  const count = countOf(layersArgument, scope);
  const heads = countOf(headsArgument, scope);
  if (count === undefined || heads === undefined) return unknown(node);
  const dropoutArgument = option('dropout');
  const dropout = dropoutArgument === undefined ? undefined : constantNumber(dropoutArgument.value, scope);
  if (dropoutArgument !== undefined && (dropout === undefined || dropout < 0 || dropout >= 1))
    return wrong(scope, dropoutArgument.value, 'number', '`dropout:` takes a number from 0 to below 1.');
  const from = optionalValue(option('from'), scope);
  const shared = optionalValue(option('weights'), scope);
  if (from?.type.kind === 'unknown' || shared?.type.kind === 'unknown') return unknown(node);
  const sharedInstances = sharedOf(shared, count * heads, cell, scope);
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
    const layerPath = layersArgument === undefined ? path : `${path}[${layer}]`;
    const beside: RecordType[] = [];
    for (let head = 0; head < heads; head += 1) {
      const made = makeInstance({
        cell,
        file,
        node,
        scope,
        path: headsArgument === undefined ? layerPath : `${layerPath}[${head}]`,
        given,
        from: layerOf(from, layer, count),
        shared: sharedInstances?.[layer * heads + head],
        overArgument: option('over'),
      });
      if (made === undefined) return unknown(node);
      instances.push(made.instance);
      beside.push(made.record);
      scope.instance.nested.push(made.instance);
    }
    const record = headsArgument === undefined ? beside[0]! : joinedHeads(beside);
    if (record === undefined) {
      const message = `\`heads:\` joins the values of ${cell.name} along their last dimension, and each is ${showType(beside[0]!)}.`;
      return wrong(scope, headsArgument!.value, 'shape', message);
    }
    records.push(record);
  }
  scope.notes?.instances.set(node, instances);
  const top = records.at(-1)!;
  if (top.value === undefined && instances.at(-1)!.lines.at(-1)?.binding.type.kind === 'unknown') return unknown(node);
  const type = layersArgument === undefined ? top : layered(records);
  return core(
    {
      op: 'call',
      layers: instances,
      ...(headsArgument === undefined ? {} : { heads }),
      ...(dropout === undefined || dropout === 0 ? {} : { dropout }),
      ...(from === undefined ? {} : { from }),
      ...(chained === undefined ? {} : { chained: chained.name }),
    },
    type,
    node,
  );
}

/** `layers: 2`, `heads: 4`; 1 where it is not said. Says what is wrong with it. */
function countOf(argument: Argument | undefined, scope: Scope): number | undefined {
  if (argument === undefined) return 1;
  const count = constantNumber(argument.value, scope);
  if (count !== undefined && Number.isInteger(count) && count >= 1) return count;
  fault(scope, argument.value, 'number', `\`${argument.name}:\` takes a whole number from 1.`);
  return undefined;
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

function sharedOf(shared: Core | undefined, count: number, cell: Cell, scope: Scope): readonly Instance[] | undefined {
  if (shared === undefined) return undefined;
  const instances = shared.type.kind === 'record' ? instancesOf(shared.type) : [];
  const text = textOf(shared.source);
  if (instances.length === 0) {
    fault(scope, shared.source, 'weights', `\`weights:\` takes a line that is a call, and ${text} is none.`);
    return undefined;
  }
  if (instances[0]!.cell !== cell || instances.length !== count) {
    const what =
      instances[0]!.cell !== cell
        ? `${text} is ${instances[0]!.cell.name}; here it would be ${cell.name}`
        : `${text} has ${instances.length} layers and heads, here are ${count}`;
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
      `${cell.name} takes ${lifted.binding.name}: ${written(lifted.declaration)}, one step; \`${text}\` is ${showType(lifted.argument!.type)}, ${numberWord(instance.lift.length)} dimensions too many to run over. Which one is time?`,
    );
    return undefined;
  }
  if (making.overArgument !== undefined) checkOver(making, instance);
  if (making.from === undefined && instance.stateful && instance.lift.length === 0) markStateful(scope.instance);
  shareWeights(making, instance);
  sizesAreTold(making, instance);
  return { instance, record: recordOf(cell, instance, value) };
}

/** The type of an input as its header has it: `[I]`. */
const written = ({ type }: ValueInput): string => (type === undefined ? 'number' : textOf(type));

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
const faulty = new WeakSet<Definition>();
const isFaulty = (cell: Cell): boolean => faulty.has(cell);
export const markFaulty = (cell: Definition, isSo = true): void => {
  if (isSo) faulty.add(cell);
  else faulty.delete(cell);
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

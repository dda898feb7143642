// The lines of a cell or model, in order: what each gives, and what is wrong with it.

import type { LineRole } from '../../shared/source.ts';
import type { Equation, Expression, Param, State } from '../generated/ast.ts';
import { textOf } from '../places.ts';
import { unifyTensors } from './alignment.ts';
import { type Binding, type CheckedLine, type Core, type Level, type Start, startNames, type Type } from './core.ts';
import { type Dimension, times } from './dimensions.ts';
import { addNextValue } from './repairs.ts';
import { asTensor, fault, type Scope, showType, suggestion, tensorType } from './scope.ts';
import { operandsOf } from './walk.ts';

/** Checks every line of the scope's cell; gives the last, which is its value. */
export function body(scope: Scope): Core | undefined {
  const { cell } = scope.instance;
  const given = new Map<string, number>();
  for (const input of cell.inputs) given.set(input.name, lineNumber(input));
  let value: Core | undefined;
  for (const line of cell.lines) {
    if (line.$type === 'Equation') value = equation(line, scope, given) ?? value;
    else declarations(line, scope, given);
  }
  checkStates(scope, given);
  settleParameters(scope);
  hintUnused(scope);
  markScores(scope.instance.lines);
  return value;
}

/** From 1. */
export const lineNumber = (node: { $cstNode?: { range: { start: { line: number } } } | undefined }): number =>
  (node.$cstNode?.range.start.line ?? 0) + 1;

/** A name is given once. */
function claim(name: string, node: Equation | State['groups'][number]['names'][number], scope: Scope, given: Map<string, number>): boolean {
  const first = given.get(name);
  if (first === undefined) {
    given.set(name, lineNumber(node));
    return true;
  }
  fault(scope, node, 'given-twice', `\`${name}\` is given twice: first in line ${first}.`);
  return false;
}

function declarations(line: State | Param, scope: Scope, given: Map<string, number>): void {
  const { instance, checker } = scope;
  for (const group of line.groups) {
    scope.line = group.names[0]?.name ?? '';
    scope.calls.clear();
    if (group.type === undefined) continue;
    const type = checker.typeOf(group.type, scope);
    for (const variable of group.names) {
      if (variable.name === undefined || !claim(variable.name, variable, scope, given)) continue;
      scope.line = variable.name;
      const isParam = line.$type === 'Param';
      const binding: Binding = { name: variable.name, kind: isParam ? 'param' : 'state', type, declaration: variable };
      scope.names.set(variable.name, binding);
      scope.notes?.types.set(variable, type);
      if (isParam) {
        if (type.kind === 'record') fault(scope, group.type, 'param', 'A parameter is a tensor: `param W: [H, I]`.');
        const weight = instance.path === '' ? variable.name : `${instance.path}.${variable.name}`;
        const shape = type.kind === 'tensor' ? type.shape : [];
        const initial = group.initial === undefined ? undefined : startOf(group.initial, scope);
        instance.params.push({ binding, shape, weight, ...(initial === undefined ? {} : { initial }) });
      } else {
        instance.stateful = true;
        const initial = group.initial === undefined ? undefined : checker.expression(group.initial, scope);
        if (initial !== undefined) checkInitial(variable.name, type, initial, scope);
        instance.states.push({ binding, ...(initial === undefined ? {} : { initial }) });
      }
    }
  }
}

/** A parameter starts from a number, or by a named way of starting, which is no function. */
function startOf(node: Expression, scope: Scope): Start | undefined {
  const callee = node.$type === 'Call' && node.callee?.$type === 'Reference' ? node.callee : undefined;
  const word = node.$type === 'Reference' ? node.name : callee?.name;
  const name = startNames.find((each) => each === word);
  if (name !== undefined) {
    const given = node.$type === 'Call' ? node.arguments : [];
    const wanted = name === 'uniform' || name === 'normal' || name === 'chrono' ? 1 : 0;
    const numbers = given.map((argument) => scope.checker.expression(argument.value, scope));
    if (numbers.length === wanted && numbers.every((number) => asTensor(number.type)?.shape.length === 0)) return { name, numbers };
    fault(
      scope,
      node,
      'initial',
      wanted === 0 ? `\`${name}\` takes no number.` : `\`${name}\` takes one number, as in ${name}(${name === 'chrono' ? 100 : 0.1}).`,
    );
    return undefined;
  }
  if (word !== undefined && !scope.names.has(word) && !scope.instance.dimensions.has(word)) {
    fault(scope, node, 'initial', `A parameter starts from a number or one of ${startNames.join(', ')}.${suggestion(word, startNames)}`);
    return undefined;
  }
  const value = scope.checker.expression(node, scope);
  if (value.type.kind === 'unknown') return undefined;
  if (asTensor(value.type)?.shape.length === 0) return { numbers: [value] };
  fault(scope, node, 'initial', `A parameter starts from a number or one of ${startNames.join(', ')}.`);
  return undefined;
}

function checkInitial(name: string, type: Type, initial: Core, scope: Scope): void {
  const { instance } = scope;
  for (const read of readsOf(initial)) {
    const input = instance.inputs.find(({ binding }) => binding === read);
    if (input?.lifted || read.kind === 'line' || read.kind === 'next')
      fault(scope, initial.source, 'initial', `The initial value of \`${name}\` uses ${read.name}, which is different at each step.`);
  }
  if (type.kind === 'record' && initial.type.kind === 'record') {
    for (const [field, wanted] of type.states) {
      const found = initial.type.states.get(field);
      const [a, b] = [asTensor(wanted), found === undefined ? undefined : asTensor(found)];
      if (a !== undefined && (b === undefined || !unifyTensors(a, b)))
        fault(scope, initial.source, 'initial', `The initial value of \`${name}\` needs ${field}: ${showType(a)}.`);
    }
    return;
  }
  const [a, b] = [asTensor(type), asTensor(initial.type)];
  if (a === undefined || b === undefined || b.shape.length === 0) return;
  if (!unifyTensors(a, b))
    fault(scope, initial.source, 'initial', `\`${name}\` is ${showType(a)}, and its initial value is ${showType(b)}.`);
}

/** The names of this instance that an expression reads. */
export function readsOf(core: Core): Set<Binding> {
  const found = new Set<Binding>();
  const visit = (node: Core): void => {
    if (node.op === 'read') found.add(node.binding);
    operandsOf(node).forEach(visit);
  };
  visit(core);
  return found;
}

function equation(line: Equation, scope: Scope, given: Map<string, number>): Core | undefined {
  const { instance, checker, names } = scope;
  const name = line.next ? `${line.name}'` : line.name;
  if (line.name === undefined || line.value === undefined) return undefined;
  scope.line = line.name;
  scope.calls.clear();
  const core = checker.expression(line.value, scope, true);
  const state = names.get(line.name);
  const isState = state?.kind === 'state';
  if (isState && !line.next) {
    fault(
      scope,
      line,
      'hides-state',
      `\`${line.name} = ${headOf(line.value)}\`: ${line.name} is a state, and this would hide it. For the next value write ${line.name}'.`,
      { repair: `${name}' = ${textOf(line.value)}` },
    );
    return undefined;
  }
  if (line.next && !isState) {
    const article = state === undefined ? `nothing is called ${line.name}` : `${line.name} is no state`;
    fault(
      scope,
      line,
      'no-state',
      `\`${name} = ...\` gives a state its next value, and ${article}: a line \`state ${line.name}: [H]\` is missing.`,
    );
    return undefined;
  }
  if (!claim(name, line, scope, given)) return undefined;
  const type = lineType(line, core, isState ? state.type : undefined, scope);
  const binding: Binding = { name, kind: line.next ? 'next' : 'line', type, declaration: line };
  names.set(name, binding);
  scope.notes?.types.set(line, type);
  instance.lines.push({
    binding,
    core,
    equation: line,
    role: roleOf(name, core, instance.cell.$type === 'Model'),
    level: levelOf(core, scope),
  });
  return core.type === type ? core : ({ ...core, type } as Core);
}

/** The outermost part of an expression: `tanh(...)`. */
const headOf = (value: Expression): string =>
  value.$type === 'Call' && value.callee?.$type === 'Reference' ? `${value.callee.name}(...)` : '...';

function lineType(line: Equation, core: Core, state: Type | undefined, scope: Scope): Type {
  const { type } = core;
  if (type.kind === 'unknown') return type;
  if (type.kind === 'cell' || type.kind === 'text') {
    fault(scope, line.value, 'not-a-value', `\`${textOf(line.value)}\` is ${showType(type)}, not a value.`);
    return { kind: 'unknown' };
  }
  const declared = line.type === undefined ? undefined : scope.checker.typeOf(line.type, scope);
  for (const wanted of [declared, state]) {
    if (wanted === undefined || wanted.kind === 'unknown') continue;
    if (wanted.kind === 'record') {
      if (type.kind !== 'record' || ![...wanted.states.keys()].every((key) => type.states.has(key))) {
        fault(
          scope,
          line.value,
          'shape',
          `\`${line.name}\` is the state of ${wanted.cell}: ${[...wanted.states.keys()].join(' and ')}, and this is ${showType(type)}.`,
        );
        continue;
      }
      for (const [key, want] of wanted.states) {
        const [a, b] = [asTensor(want), asTensor(type.states.get(key)!)];
        if (a !== undefined && b !== undefined && !unifyTensors(a, b))
          fault(scope, line.value, 'shape', `${key} of \`${line.name}\` is ${showType(a)}, and this gives ${showType(b)}.`);
      }
      continue;
    }
    const [a, b] = [asTensor(wanted), asTensor(type)];
    if (a === undefined) continue;
    if (b === undefined) fault(scope, line.value, 'shape', `\`${line.name}\` is ${showType(a)}, and this is ${showType(type)}.`);
    else if (!unifyTensors(a, b) && !(wanted === state && b.shape.length === 0))
      fault(scope, line.value, 'shape', `\`${line.name}${line.next ? "'" : ''}\` is ${showType(a)}, and this is ${showType(b)}.`);
  }
  return state?.kind === 'tensor' ? (asTensor(type) === undefined ? { kind: 'unknown' } : tensorType(state.shape)) : type;
}

/** A state whose next value comes from a call is given by that call's line; any other needs a line. */
function checkStates(scope: Scope, given: ReadonlyMap<string, number>): void {
  const hidden = new Set(scope.instance.cell.lines.map((line) => (line.$type === 'Equation' && !line.next ? line.name : '')));
  for (const { binding } of scope.instance.states)
    if (!given.has(`${binding.name}'`) && !hidden.has(binding.name))
      fault(
        scope,
        binding.declaration,
        'no-next',
        `\`state ${binding.name}\` is never given its next value: a line \`${binding.name}' = ...\` is missing.`,
        { repairs: addNextValue(scope, binding.name) },
      );
}

/** The dimension that the first product of a matrix contracts decides how widely it starts. */
function settleParameters(scope: Scope): void {
  const contracted = new Map<Binding, Dimension>();
  const visit = (core: Core): void => {
    if (core.op === 'product') {
      const { left, right } = core;
      if (left.op === 'read' && !contracted.has(left.binding)) contracted.set(left.binding, asTensor(left.type)!.shape.at(-1)!);
      if (right.op === 'read' && !contracted.has(right.binding)) {
        const { shape } = asTensor(right.type)!;
        contracted.set(right.binding, shape[Math.max(0, shape.length - 2)]!);
      }
    }
    if (core.op === 'function' && core.name === 'convolve') {
      const kernel = core.operands[1]!.core;
      const seen = asTensor(kernel.type)!.shape.slice(1);
      if (kernel.op === 'read' && !contracted.has(kernel.binding)) contracted.set(kernel.binding, seen.reduce(times));
    }
    operandsOf(core).forEach(visit);
  };
  for (const { core } of scope.instance.lines) visit(core);
  scope.instance.params.forEach((parameter, k) => {
    const dimension = contracted.get(parameter.binding);
    if (dimension !== undefined) scope.instance.params[k] = { ...parameter, contracted: dimension };
  });
}

/** Line `g` is used by nothing after it, and is not the value. A field may still be read from outside, so it is only a hint. */
function hintUnused(scope: Scope): void {
  const { instance, notes } = scope;
  if (notes === undefined || instance.lines.some(({ binding }) => binding.type.kind === 'unknown')) return;
  const used = new Set<Binding>();
  for (const { core } of instance.lines) for (const read of readsOf(core)) used.add(read);
  const last = instance.lines.at(-1);
  for (const line of instance.lines) {
    if (line === last || used.has(line.binding) || line.binding.kind === 'next' || instance.cell.$type === 'Model') continue;
    fault(
      scope,
      line.equation,
      'unused',
      `Line \`${line.binding.name}\` is used by nothing after it. Only the last line is the cell's value.`,
      { severity: 'hint' },
    );
  }
}

/** Told from the equation: sigmoid and softmax squash into [0, 1], tanh into [-1, 1]. */
function roleOf(name: string, core: Core, isModel: boolean): LineRole {
  if (isModel && name === 'loss') return 'loss';
  if (name.endsWith("'")) return 'state';
  if (core.op !== 'function') return 'value';
  if (core.name === 'sigmoid') return 'gate';
  if (core.name === 'tanh') return 'candidate';
  return core.name === 'softmax' ? 'weights' : 'value';
}

/** Lines that are compared with classes, or turned into weights, are scores. */
function markScores(lines: CheckedLine[]): void {
  const scores = new Set<Binding>();
  const visit = (core: Core): void => {
    if (core.op === 'function' && (core.name === 'cross_entropy' || core.name === 'softmax')) {
      const first = core.operands[0]?.core;
      if (first?.op === 'read') scores.add(first.binding);
    }
    operandsOf(core).forEach(visit);
  };
  for (const { core } of lines) visit(core);
  lines.forEach((line, k) => {
    if (scores.has(line.binding) && line.role === 'value') lines[k] = { ...line, role: 'scores' };
  });
}

function levelOf(core: Core, scope: Scope): Level {
  let level: Level = 0;
  for (const read of readsOf(core)) {
    const own = levelOfBinding(read, scope);
    if (own > level) level = own;
  }
  return core.op === 'call' && core.layers.some(({ stateful, lift }) => stateful && lift.length === 0) ? 3 : level;
}

function levelOfBinding(binding: Binding, { instance }: Scope): Level {
  switch (binding.kind) {
    case 'param':
      return 0;
    case 'state':
      return 3;
    case 'input': {
      const input = instance.inputs.find((each) => each.binding === binding);
      return input === undefined || input.lifted || input.argument === undefined ? 2 : 1;
    }
    default:
      return instance.lines.find((line) => line.binding === binding)?.level ?? 2;
  }
}

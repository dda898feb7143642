// Cells and models, each checked on its own; and a model with its arguments given, for building.

import type { Fault } from '../../shared/source.ts';
import type { Cell, Definition, Model, ValueInput } from '../generated/ast.ts';
import { rangeOfProperty, textOf } from '../places.ts';
import { isCallOption } from './arguments.ts';
import { body, lineNumber } from './body.ts';
import { cellCall, markFaulty } from './calls.ts';
import { predictionsOf, seesFuture } from './causality.ts';
import { type Binding, type CheckedFile, type Core, type Instance, isFunctionName, type Type } from './core.ts';
import { stateOf, typeOf } from './declared.ts';
import { constant, rigid } from './dimensions.ts';
import { expression } from './expressions.ts';
import { functionCall } from './functions.ts';
import { addLast, lossFor } from './repairs.ts';
import { asTensor, type Checker, fault, type Notes, type OpenInstance, type Scope, suggestion, tensorType } from './scope.ts';
import { operandsOf } from './walk.ts';

/** What a model's inputs that are no data are given: a number, or the name of a cell or function. */
export type ModelArguments = Readonly<Record<string, string | number | boolean>>;

const checker: Checker = {
  expression,
  functionCall: (name, node, scope, main) => functionCall(name as Parameters<typeof functionCall>[0], node, scope, main),
  cellCall,
  typeOf,
  stateOf,
  body,
};

/** A cell with dimensions that stand for any size: what is wrong with it wherever it is used. */
export function checkCell(cell: Cell, file: CheckedFile, report: (fault: Fault) => void, notes?: Notes): Instance {
  let isSound = true;
  const scope = rootScope(cell, file, notes, (found) => {
    if (found.severity === 'error') isSound = false;
    report(found);
  });
  if (isFunctionName(cell.name)) {
    const range = rangeOfProperty(cell, 'name', file.uri);
    const message = `\`${cell.name}\` is a function of the language too; in this file it is this cell.`;
    report({ range, severity: 'hint', code: 'shadows', message });
  }
  claimInputs(scope);
  for (const input of cell.inputs) {
    if (input.$type === 'SizeInput') scope.instance.dimensions.set(input.name, rigid(input.name));
    else if (input.type?.$type === 'CellType') takeCell(input, undefined, scope);
  }
  for (const input of cell.inputs) if (input.$type === 'ValueInput' && input.type?.$type !== 'CellType') takeDeclared(input, scope);
  for (const input of cell.inputs)
    if (input.$type === 'SizeInput' && input.fallback !== undefined) checker.expression(input.fallback, scope);
  const value = checker.body(scope);
  for (const check of scope.pending) check();
  if (!cell.lines.some((line) => line.$type === 'Equation')) {
    const range = rangeOfProperty(cell, 'name', file.uri);
    scope.report({ range, severity: 'error', code: 'empty', message: `Cell ${cell.name} has no equation: its last line is its value.` });
  } else if (value === undefined) isSound = false;
  if (!isSound) markFaulty(cell);
  return scope.instance;
}

/** A model with its arguments. */
export function checkModel(
  model: Model,
  file: CheckedFile,
  given: ModelArguments,
  report: (fault: Fault) => void,
  notes?: Notes,
): Instance {
  const scope = rootScope(model, file, notes, report);
  claimInputs(scope);
  for (const input of model.inputs)
    if (input.$type === 'ValueInput' && input.type?.$type === 'CellType') takeCell(input, given[input.name], scope);
  for (const input of model.inputs) {
    if (input.$type === 'SizeInput') {
      const size = given[input.name];
      const length =
        typeof size === 'number'
          ? constant(size)
          : input.fallback === undefined
            ? undefined
            : asTensor(checker.expression(input.fallback, scope).type)?.length;
      scope.instance.dimensions.set(input.name, length ?? rigid(input.name));
    } else if (input.type?.$type !== 'CellType') takeDeclared(input, scope, given[input.name]);
  }
  checker.body(scope);
  for (const check of scope.pending) check();
  for (const prediction of predictionsOf(scope.instance)) {
    const found = seesFuture(scope.instance, prediction);
    if (found === undefined) continue;
    const { input, scores } = prediction;
    const where = `line ${lineNumber(found.core.source)}`;
    const how = `${found.line} reads it ${turns(found.core) ? 'in both directions' : 'at later steps'} (${where})`;
    const message = `\`${textOf(scores.source)}\` sees the future of \`${input.name}\`: ${how}, and \`next(${input.name})\` is what is predicted.`;
    fault(scope, found.core.source, 'future', message);
  }
  if (!model.lines.some((line) => line.$type === 'Equation' && line.name === 'loss')) {
    const loss = lossFor(scope.instance);
    scope.report({
      range: rangeOfProperty(model, 'name', file.uri),
      severity: 'hint',
      code: 'no-loss',
      message: `Model ${model.name} has no line \`loss\`: it runs, but cannot be trained.${loss === undefined ? '' : ` Add ${loss}?`}`,
      ...(loss === undefined ? {} : { repairs: addLast(scope, 'loss', loss) }),
    });
  }
  return scope.instance;
}

/** It calls a cell that reads a sequence from its end. */
function turns(core: Core): boolean {
  if (core.op === 'function' && core.name === 'reverse') return true;
  return operandsOf(core).some(turns) || (core.op === 'call' && core.layers.some(({ lines }) => lines.some((line) => turns(line.core))));
}

function rootScope(cell: Definition, file: CheckedFile, notes: Notes | undefined, report: (fault: Fault) => void): Scope {
  const instance: OpenInstance = {
    path: '',
    cell,
    uri: file.uri,
    dimensions: new Map(),
    inputs: [],
    params: [],
    states: [],
    lines: [],
    nested: [],
    lift: [],
    stateful: false,
  };
  return {
    instance,
    file,
    names: new Map(),
    below: new Set(cell.lines.flatMap((line) => (line.$type === 'Equation' ? [line.next ? `${line.name}'` : line.name] : []))),
    report,
    ...(notes === undefined ? {} : { notes }),
    pending: [],
    checker,
    line: '',
    calls: new Map(),
  };
}

function claimInputs(scope: Scope): void {
  const { cell } = scope.instance;
  const names = new Set<string>();
  for (const input of cell.inputs) {
    if (names.has(input.name)) fault(scope, input, 'given-twice', `\`${input.name}\` stands twice among the inputs of ${cell.name}.`);
    names.add(input.name);
    if (isCallOption(input.name))
      fault(scope, input, 'reserved', `Every call of a cell takes \`${input.name}:\` already: an input needs another name.`);
  }
}

function takeCell(input: ValueInput, given: string | number | boolean | undefined, scope: Scope): void {
  const name = typeof given === 'string' ? given : undefined;
  let type: Type = { kind: 'unknown' };
  if (name !== undefined) {
    const cell = scope.file.cells.get(name);
    if (cell !== undefined) type = { kind: 'cell', callee: { kind: 'cell', ...cell } };
    else if (isFunctionName(name)) type = { kind: 'cell', callee: { kind: 'function', name } };
    else
      fault(
        scope,
        input,
        'unknown-name',
        `\`${input.name}\` would be ${name}, and no cell is called so.${suggestion(name, scope.file.cells.keys())}`,
      );
  } else if (input.fallback !== undefined) {
    const fallback = scope.checker.expression(input.fallback, scope).type;
    if (fallback.kind === 'cell') type = fallback;
    else if (fallback.kind !== 'unknown')
      fault(scope, input.fallback, 'argument', `\`${input.name}\` is a cell, and \`${textOf(input.fallback)}\` is none.`);
  } else {
    const standIn = scope.file.cells.get('gru'); // a cell that takes what most cells take, so that the lines can be checked
    if (standIn !== undefined) type = { kind: 'cell', callee: { kind: 'cell', ...standIn } };
  }
  bind(input, type, scope);
}

function takeDeclared(input: ValueInput, scope: Scope, given?: string | number | boolean): void {
  if (input.type !== undefined) {
    bind(input, checker.typeOf(input.type, scope), scope);
    return;
  }
  const argument = given === undefined ? checker.expression(input.fallback!, scope) : plainValue(given, input, scope);
  if (argument.type.kind === 'cell') bind(input, argument.type, scope);
  else bind(input, argument.type, scope, argument);
}

function plainValue(given: string | number | boolean, input: ValueInput, scope: Scope): Core {
  const source = input.fallback!;
  if (typeof given === 'number')
    return { op: 'number', value: given, type: tensorType([], Number.isInteger(given) ? { length: constant(given) } : {}), source };
  if (typeof given === 'boolean') return { op: 'boolean', value: given, type: tensorType([], { boolean: true }), source };
  const cell = scope.file.cells.get(given);
  if (cell !== undefined) return { op: 'cell', type: { kind: 'cell', callee: { kind: 'cell', ...cell } }, source };
  if (isFunctionName(given)) return { op: 'cell', type: { kind: 'cell', callee: { kind: 'function', name: given } }, source };
  return { op: 'text', type: { kind: 'text', text: given }, source };
}

function bind(input: ValueInput, type: Type, scope: Scope, argument?: Core): void {
  const binding: Binding = { name: input.name, kind: 'input', type, declaration: input };
  scope.names.set(input.name, binding);
  scope.notes?.types.set(input, type);
  scope.instance.inputs.push({ binding, declaration: input, lifted: false, ...(argument === undefined ? {} : { argument }) });
}

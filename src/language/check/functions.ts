// The types of the language's functions.

import type { Argument, Call, Expression } from '../generated/ast.ts';
import { textOf } from '../places.ts';
import { broadcast, unifyShapes } from './alignment.ts';
import { type Application, finish, numberValue, whole } from './application.ts';
import type { Core, FunctionName, TensorType, Type } from './core.ts';
import { type Dimension, equate, isSame, isWrittenAs, show, showShape } from './dimensions.ts';
import { needNumbers } from './expressions.ts';
import { convolve, places, pool } from './image-functions.ts';
import { network } from './network-function.ts';
import { asTensor, fault, needTensor, type Scope, showType, suggestion, tensorType, unknown, wrong } from './scope.ts';

type Option = 'over' | 'where' | 'stride' | 'output';

interface Rule {
  readonly operands: readonly string[];
  /** Named arguments besides the operands. */
  readonly options?: readonly Option[];
  type(application: Application): Core;
}

export function functionCall(name: FunctionName, node: Call, scope: Scope, main: boolean): Core {
  const rule = rules[name];
  const named = (key: string): Argument | undefined => node.arguments.find((argument) => argument.name === key);
  const allowed: readonly string[] = rule.options ?? [];
  for (const argument of node.arguments)
    if (argument.name !== undefined && !allowed.includes(argument.name)) {
      const hint = suggestion(argument.name, allowed);
      return wrong(scope, node, 'argument', `${name} has no argument \`${argument.name}\`.${hint}`);
    }
  const positional = node.arguments.filter((argument) => argument.name === undefined);
  if (positional.length !== rule.operands.length) {
    const wanted = rule.operands.join(', ');
    const count = rule.operands.length === 1 ? 'one value' : `${rule.operands.length} values`;
    return wrong(
      scope,
      node,
      'argument',
      `${name}(${wanted}) takes ${count}; here ${positional.length === 1 ? 'is' : 'are'} ${positional.length}.`,
    );
  }
  const passes = name === 'reverse' || name === 'dropout';
  const operands = positional.map((argument, k) => scope.checker.expression(argument.value, scope, main && passes && k === 0));
  if (operands.some((operand) => operand.type.kind === 'unknown')) return unknown(node);
  return rule.type({
    name,
    node,
    scope,
    operands,
    over: named('over'),
    where: named('where'),
    stride: named('stride'),
    output: named('output'),
  });
}

const elementwise: Rule = {
  operands: ['x'],
  type: (application) => spread(application, {}),
};
const test: Rule = { operands: ['x'], type: (application) => spread(application, { boolean: true }) };
const pairwise: Rule = { operands: ['a', 'b'], type: (application) => spread(application, {}) };
const reduction: Rule = { operands: ['x'], options: ['over'], type: (application) => reduce(application, false) };
const comparison: Rule = { operands: ['prediction', 'target'], type: compare };

const rules: { readonly [Name in FunctionName]: Rule } = {
  exp: elementwise,
  log: elementwise,
  ln: elementwise,
  sqrt: elementwise,
  abs: elementwise,
  sign: elementwise,
  sigmoid: elementwise,
  tanh: elementwise,
  relu: elementwise,
  gelu: elementwise,
  softplus: elementwise,
  isnan: test,
  minimum: pairwise,
  maximum: pairwise,
  where: { operands: ['condition', 'a', 'b'], type: (application) => spread(application, {}) },
  clip: { operands: ['x', 'lowest', 'highest'], type: (application) => withNumbers(application, 1) },
  dropout: { operands: ['x', 'rate'], type: dropout },

  sum: reduction,
  mean: reduction,
  max: reduction,
  min: reduction,
  variance: reduction,
  norm: reduction,
  any: { operands: ['x'], options: ['over'], type: (application) => reduce(application, true) },
  all: { operands: ['x'], options: ['over'], type: (application) => reduce(application, true) },
  entropy: reduction,
  argmax: { operands: ['x'], options: ['over'], type: argmax },
  softmax: { operands: ['x'], options: ['over', 'where'], type: softmax },
  cumsum: { operands: ['x'], options: ['over'], type: (application) => along(application, (type) => type) },

  first: { operands: ['x'], options: ['over'], type: (application) => oneStep(application) },
  last: { operands: ['x'], options: ['over'], type: (application) => oneStep(application) },
  next: { operands: ['x'], options: ['over'], type: (application) => along(application, (type) => type) },
  previous: { operands: ['x'], options: ['over'], type: (application) => along(application, (type) => type) },
  reverse: { operands: ['x'], options: ['over'], type: (application) => along(application, (type) => type) },
  range: { operands: ['S'], type: (application) => lengths(application, 1, () => []) },
  repeat: { operands: ['x', 'S'], type: repeat },
  sinusoids: { operands: ['T', 'D'], type: (application) => lengths(application, 2, () => []) },
  outer: { operands: ['a', 'b'], type: outer },

  convolve: { operands: ['x', 'W'], options: ['stride'], type: convolve },
  max_pool: { operands: ['x', 'n'], type: pool },
  mean_pool: { operands: ['x', 'n'], type: pool },
  places: { operands: ['f'], type: places },
  onnx: { operands: ['"network.onnx"', 'x'], options: ['output'], type: network },

  cross_entropy: { operands: ['scores', 'classes'], type: crossEntropy },
  binary: comparison,
  mse: comparison,
  mae: comparison,
  huber: comparison,
};

/** Elementwise on any number of operands. */
function spread(application: Application, more: Partial<TensorType>): Core {
  const { node, scope, operands, name } = application;
  const types = operands.map((operand) => needNumbers(operand, scope));
  if (types.some((type) => type === undefined)) return unknown(node);
  const met = broadcast(types.map((type) => type!.shape));
  if (met === undefined) {
    const shown = types.map((type) => showType(type!)).join(' and ');
    return wrong(scope, node, 'shape', `${name}: ${shown}: the dimensions of each must occur, in order, in the largest.`);
  }
  const aligned = operands.map((operand, k) => ({ core: operand, at: met.at[k]! }));
  return finish(application, aligned, tensorType(met.shape, more));
}

/** Numbers after the first `count` operands, which have to be known before anything runs. */
function withNumbers(application: Application, count: number): Core {
  const { node, scope, operands } = application;
  const numbers: number[] = [];
  for (const operand of operands.slice(count)) {
    const value = numberValue(operand);
    if (value === undefined) return wrong(scope, operand.source, 'number', `\`${textOf(operand.source)}\` has to be a plain number.`);
    numbers.push(value);
  }
  const [first] = operands;
  const type = needNumbers(first!, scope);
  return type === undefined ? unknown(node) : finish(application, [whole(first!, type)], tensorType(type.shape), { numbers });
}

function dropout(application: Application): Core {
  const { node, scope, operands } = application;
  const rate = numberValue(operands[1]!);
  if (rate === undefined || rate < 0 || rate >= 1)
    return wrong(scope, operands[1]!.source, 'number', 'The share that is dropped is a number from 0 to below 1, as in dropout(x, 0.2).');
  const type = needNumbers(operands[0]!, scope);
  if (type === undefined) return unknown(node);
  return finish(application, [whole(operands[0]!, type)], tensorType(type.shape), { numbers: [rate] });
}

/** The places of the dimensions that `over:` names; undefined where one is not there, which is said. */
function placesOf(over: Argument, type: TensorType, scope: Scope, subject: Core): number[] | undefined {
  const named: Expression[] = over.value.$type === 'Brackets' ? over.value.parts : [over.value];
  const places: number[] = [];
  for (const each of named) {
    const length = asTensor(scope.checker.expression(each, scope).type)?.length;
    if (length === undefined) {
      fault(scope, each, 'over', `\`over:\` takes the name of a dimension, and \`${textOf(each)}\` is none.`);
      return undefined;
    }
    const place = findDimension(type.shape, length);
    if (place === undefined) {
      fault(scope, each, 'over', `${textOf(subject.source)} is ${showType(type)}: it has no dimension ${show(length)} to work along.`);
      return undefined;
    }
    places.push(place);
  }
  return places;
}

export function findDimension(shape: readonly Dimension[], dimension: Dimension): number | undefined {
  const written = shape.findIndex((each) => isWrittenAs(each, dimension));
  if (written >= 0) return written;
  const same = shape.findIndex((each) => isSame(each, dimension));
  return same >= 0 ? same : undefined;
}

function reduce(application: Application, boolean: boolean): Core {
  const { node, scope, operands, over } = application;
  const [x] = operands;
  const type = needNumbers(x!, scope);
  if (type === undefined) return unknown(node);
  const places = over === undefined ? type.shape.map((_, k) => k) : placesOf(over, type, scope, x!);
  if (places === undefined) return unknown(node);
  const shape = type.shape.filter((_, k) => !places.includes(k));
  return finish(application, [whole(x!, type)], tensorType(shape, boolean ? { boolean: true } : {}), { along: places });
}

function argmax(application: Application): Core {
  const { node, scope, operands, over } = application;
  const [x] = operands;
  const type = needNumbers(x!, scope);
  if (type === undefined) return unknown(node);
  const place = type.shape.length === 0 ? undefined : over === undefined ? type.shape.length - 1 : placesOf(over, type, scope, x!)?.[0];
  if (place === undefined) return unknown(node);
  const shape = type.shape.filter((_, k) => k !== place);
  return finish(application, [whole(x!, type)], tensorType(shape, { classes: type.shape[place]! }), { along: [place] });
}

function softmax(application: Application): Core {
  const { node, scope, operands, over, where } = application;
  const [x] = operands;
  const type = needNumbers(x!, scope);
  if (type === undefined) return unknown(node);
  if (type.shape.length === 0) return wrong(scope, node, 'shape', 'softmax needs a dimension to work along, and this is one number.');
  const places = over === undefined ? [type.shape.length - 1] : placesOf(over, type, scope, x!);
  if (places === undefined) return unknown(node);
  const operand = whole(x!, type);
  if (where === undefined) return finish(application, [operand], tensorType(type.shape), { along: places });
  const condition = scope.checker.expression(where.value, scope);
  const conditionType = needTensor(condition, scope);
  if (conditionType === undefined) return unknown(node);
  const met = broadcast([type.shape, conditionType.shape]);
  if (met === undefined || met.shape.length !== type.shape.length)
    return wrong(scope, where.value, 'shape', `\`where:\` is ${showType(conditionType)}, and the scores are ${showType(type)}.`);
  return finish(application, [operand], tensorType(type.shape), { along: places, where: { core: condition, at: met.at[1]! } });
}

/** Along the first dimension, or that of `over:`. Works on classes too. */
function along(application: Application, result: (type: TensorType, place: number) => TensorType): Core {
  const { node, scope, operands, over } = application;
  const [x] = operands;
  const type = needTensor(x!, scope);
  if (type === undefined) return unknown(node);
  if (type.shape.length === 0)
    return wrong(
      scope,
      node,
      'shape',
      `${application.name} works along a sequence, and ${textOf(x!.source)} is ${showType(type)}: one step.`,
    );
  const place = over === undefined ? 0 : placesOf(over, type, scope, x!)?.[0];
  if (place === undefined) return unknown(node);
  return finish(application, [whole(x!, type)], result(type, place), { along: [place] });
}

/** first and last: of a run, the state then. */
function oneStep(application: Application): Core {
  const { operands, node, over, name } = application;
  const { type } = operands[0]!;
  if (type.kind === 'record' && over === undefined && name === 'last' && !type.stateOnly) {
    const states = new Map([...type.states].map(([key, state]) => [key, withoutFirst(state)]));
    const value = type.value === undefined ? {} : { value: withoutFirst(type.value) as TensorType };
    if (type.states.size > 0 && isRun(type)) {
      const layers = type.layers?.map((layer) => ({
        ...layer,
        stateOnly: true as const,
        fields: new Map([...layer.states].map(([key, state]) => [key, withoutFirst(state)])),
        states: new Map([...layer.states].map(([key, state]) => [key, withoutFirst(state)])),
      }));
      return finish(
        application,
        [{ core: operands[0]!, at: [] }],
        { kind: 'record', cell: type.cell, fields: states, states, ...value, stateOnly: true, ...(layers === undefined ? {} : { layers }) },
        { along: [0] },
      );
    }
  }
  const drop = (tensor: TensorType, place: number): TensorType =>
    tensorType(
      tensor.shape.filter((_, k) => k !== place),
      tensor.classes === undefined ? {} : { classes: tensor.classes },
    );
  if (operands[0] === undefined) return unknown(node);
  return along(application, drop);
}

const isRun = (type: Extract<Type, { kind: 'record' }>): boolean => (type.instances?.[0]?.lift.length ?? 0) > 0;

function withoutFirst(type: Type): Type {
  if (type.kind === 'tensor') return tensorType(type.shape.slice(1), type.classes === undefined ? {} : { classes: type.classes });
  if (type.kind !== 'record') return type;
  const states = new Map([...type.states].map(([key, state]) => [key, withoutFirst(state)]));
  const value = type.value === undefined ? {} : { value: withoutFirst(type.value) as TensorType };
  return { kind: 'record', cell: type.cell, fields: states, states, ...value, stateOnly: true };
}

/** Functions of lengths: range(S) is [S]. */
function lengths(application: Application, count: number, rest: () => readonly Dimension[]): Core {
  const { node, scope, operands } = application;
  const shape: Dimension[] = [];
  for (const operand of operands.slice(0, count)) {
    const length = asTensor(operand.type)?.length;
    if (length === undefined)
      return wrong(scope, operand.source, 'length', `\`${textOf(operand.source)}\` has to be a dimension or a whole number.`);
    shape.push(length);
  }
  return shape.length < count ? unknown(node) : finish(application, [], tensorType([...shape, ...rest()]));
}

function repeat(application: Application): Core {
  const { node, scope, operands } = application;
  const [x, count] = operands;
  const type = needNumbers(x!, scope);
  const length = asTensor(count!.type)?.length;
  if (type === undefined) return unknown(node);
  if (length === undefined)
    return wrong(scope, count!.source, 'length', `\`${textOf(count!.source)}\` has to be a dimension or a whole number.`);
  return finish(application, [whole(x!, type)], tensorType([length, ...type.shape]));
}

function outer(application: Application): Core {
  const { node, scope, operands } = application;
  const [a, b] = operands.map((operand) => needNumbers(operand, scope));
  if (a === undefined || b === undefined) return unknown(node);
  const shape = [...a.shape, ...b.shape];
  const at = [a.shape.map((_, k) => k), b.shape.map((_, k) => k + a.shape.length)];
  return finish(
    application,
    operands.map((operand, k) => ({ core: operand, at: at[k]! })),
    tensorType(shape),
  );
}

function crossEntropy(application: Application): Core {
  const { node, scope, operands } = application;
  const [scores, classes] = operands as [Core, Core];
  const a = needNumbers(scores, scope);
  const b = needTensor(classes, scope);
  if (a === undefined || b === undefined) return unknown(node);
  const [x, y] = [textOf(scores.source), textOf(classes.source)];
  if (b.classes === undefined)
    return wrong(
      scope,
      classes.source,
      'classes',
      `cross_entropy compares scores with classes, and ${y} is ${showType(b)}: numbers. For numbers: mse(${x}, ${y}).`,
    );
  const last = a.shape.at(-1);
  if (last === undefined)
    return wrong(scope, scores.source, 'shape', `${x} is one number; cross_entropy needs a score for each of ${show(b.classes)}.`);
  if (!equate(last, b.classes) || !unifyShapes(a.shape.slice(0, -1), b.shape)) {
    const different = isSame(last, b.classes) ? '' : `: they are of ${show(last)} and of ${show(b.classes)}`;
    return wrong(scope, node, 'shape', `cross_entropy compares scores ${showShape(a.shape)} with classes ${showType(b)}${different}.`);
  }
  return finish(application, [whole(scores, a), whole(classes, b)], tensorType(b.shape), { along: [a.shape.length - 1] });
}

function compare(application: Application): Core {
  const { node, scope, operands, name } = application;
  const [a, b] = operands.map((operand) => needNumbers(operand, scope));
  if (a === undefined || b === undefined) return unknown(node);
  if (!unifyShapes(a.shape, b.shape))
    return wrong(scope, node, 'shape', `${name} compares two of one shape: ${showType(a)} and ${showType(b)}.`);
  return finish(application, [whole(operands[0]!, a), whole(operands[1]!, b)], tensorType(a.shape));
}

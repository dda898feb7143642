// The type of every kind of expression.

import type { Binary, Brackets, Expression, Logical, Member, Power, Reference, Slice, Subscript, Unary } from '../generated/ast.ts';
import { textOf } from '../places.ts';
import { broadcast, contractedPlaces } from './alignment.ts';
import { type BinaryOperator, type Core, isFunctionName, type Place, type RecordType, type TensorType, type Type } from './core.ts';
import { constant, type Dimension, equate, isSame, minus, numberOf, over, plus, show, showShape, times } from './dimensions.ts';
import { asTensor, closest, core, fault, needTensor, type Scope, showType, suggestion, tensorType, unknown, wrong } from './scope.ts';

export function expression(node: Expression, scope: Scope, main = false): Core {
  const found = typed(node, scope, main);
  scope.notes?.types.set(node, found.type);
  return found;
}

function typed(node: Expression, scope: Scope, main: boolean): Core {
  const { checker } = scope;
  switch (node.$type) {
    case 'NumberLiteral': {
      const length = Number.isInteger(node.value) ? { length: constant(node.value) } : {};
      return core({ op: 'number', value: node.value }, tensorType([], length), node);
    }
    case 'BooleanLiteral':
      return core({ op: 'boolean', value: node.value === 'true' }, tensorType([], { boolean: true }), node);
    case 'StringLiteral':
      return core({ op: 'text' }, { kind: 'text', text: node.value }, node);
    case 'Parentheses':
      return checker.expression(node.inner, scope, main);
    case 'Reference':
      return reference(node, scope);
    case 'Call': {
      const { callee } = node;
      if (callee?.$type !== 'Reference') return unknown(node);
      return call(callee.name, node, scope, main);
    }
    case 'Unary':
      return unary(node, scope);
    case 'Binary':
      return node.operator === '@' ? product(node, scope) : binary(node, scope);
    case 'Logical':
      return elementwise(node, node.operator as 'and' | 'or', node.left, node.right, scope);
    case 'Power':
      return power(node, scope);
    case 'Member':
      return member(node, scope);
    case 'Subscript':
      return subscript(node, scope);
    case 'Brackets':
      return brackets(node, scope);
    default:
      return unknown(node); // what recovery from a syntax error left unfinished
  }
}

function call(name: string, node: Extract<Expression, { $type: 'Call' }>, scope: Scope, main: boolean): Core {
  const { checker, names, file, notes } = scope;
  const local = names.get(name);
  if (local !== undefined && local.type.kind !== 'cell') {
    if (local.type.kind === 'unknown') return unknown(node);
    return wrong(scope, node.callee, 'not-callable', `\`${name}\` is a value, no cell or function: it cannot be called.`);
  }
  const cell = local === undefined ? file.cells.get(name) : undefined;
  const callee =
    local?.type.kind === 'cell'
      ? local.type.callee
      : cell !== undefined
        ? ({ kind: 'cell', ...cell } as const)
        : isFunctionName(name)
          ? ({ kind: 'function', name } as const)
          : undefined;
  if (local !== undefined) notes?.declarations.set(node.callee, local.declaration);
  else if (cell !== undefined) notes?.declarations.set(node.callee, { uri: cell.file.uri, node: cell.cell });
  if (callee?.kind === 'cell') return checker.cellCall(callee.cell, callee.file, node, scope, main);
  if (callee?.kind === 'function') return checker.functionCall(callee.name, node, scope, main);
  if (name === 'grad' || name === 'at' || name === 'saturated')
    return wrong(scope, node.callee, 'debugger-only', `\`${name}\` is for watches and breakpoints; a model cannot use it.`);
  return notFound(name, node.callee, scope);
}

function notFound(name: string, node: Expression, scope: Scope): Core {
  const known = [...scope.names.keys(), ...scope.instance.dimensions.keys(), ...scope.file.cells.keys(), ...functionWords];
  const plain = name.replace(/'$/, '');
  if (name.endsWith("'") && scope.below.has(name)) {
    return wrong(scope, node, 'used-above', `\`${name}\` is used above its line. Its value before the step is \`${plain}\`.`, plain);
  }
  if (scope.below.has(name)) return wrong(scope, node, 'used-above', `\`${name}\` is used above the line that gives it.`);
  if (name.endsWith("'") && scope.names.has(plain))
    return wrong(scope, node, 'no-next', `\`${plain}\` is no state, so there is no \`${name}\`: write \`${plain}\`.`, plain);
  return wrong(scope, node, 'unknown-name', `Nothing is called \`${name}\`.${suggestion(name, known)}`, closest(name, known));
}
const functionWords =
  'exp log sqrt abs sign sigmoid tanh relu gelu softplus minimum maximum where clip dropout sum mean max min argmax variance norm entropy softmax cumsum first last next previous reverse range repeat sinusoids outer convolve max_pool mean_pool places onnx cross_entropy binary mse mae huber'.split(
    ' ',
  );

function reference(node: Reference, scope: Scope): Core {
  const name = node.next ? `${node.name}'` : node.name;
  const { names, instance, file, notes } = scope;
  const binding = names.get(name);
  if (binding !== undefined) {
    notes?.declarations.set(node, binding.declaration);
    const { type } = binding;
    if (type.kind === 'cell') return core({ op: 'cell' }, type, node);
    return core({ op: 'read', binding }, type, node);
  }
  if (node.next) return notFound(name, node, scope);
  const dimension = instance.dimensions.get(name);
  if (dimension !== undefined) return core({ op: 'dimension', dimension }, tensorType([], { length: dimension }), node);
  const cell = file.cells.get(name);
  if (cell !== undefined) {
    notes?.declarations.set(node, { uri: cell.file.uri, node: cell.cell });
    return core({ op: 'cell' }, { kind: 'cell', callee: { kind: 'cell', ...cell } }, node);
  }
  if (name === 't') return core({ op: 'step' }, tensorType([]), node);
  if (isFunctionName(name)) return core({ op: 'cell' }, { kind: 'cell', callee: { kind: 'function', name } }, node);
  if (name === 'token') return wrong(scope, node, 'debugger-only', '`token` is for watches and breakpoints; a model cannot use it.');
  return notFound(name, node, scope);
}

function unary(node: Unary, scope: Scope): Core {
  const of = scope.checker.expression(node.operand, scope);
  const type = needNumbers(of, scope);
  if (type === undefined) return unknown(node);
  if (node.operator === '+') return of;
  if (node.operator === 'not') return core({ op: 'not', of }, tensorType(type.shape, { boolean: true }), node);
  const length = type.length === undefined ? {} : { length: minus(constant(0), type.length) };
  return core({ op: 'negate', of }, tensorType(type.shape, length), node);
}

/** The tensor of numbers that a value is; classes are none. `within` is the expression whose operand it is. */
export function needNumbers(value: Core, scope: Scope, within?: Expression): TensorType | undefined {
  const type = needTensor(value, scope);
  if (type?.classes === undefined) return type;
  const text = textOf(value.source);
  const who = within === undefined ? `\`${text}\`` : `\`${textOf(within)}\`: ${text}`;
  fault(
    scope,
    value.source,
    'classes',
    `${who} holds classes of ${show(type.classes)}, not numbers. embed(${text}, 64) makes vectors of them.`,
    { repair: `embed(${text}, 64)` },
  );
  return undefined;
}

function binary(node: Binary, scope: Scope): Core {
  // 0.1 < a < 0.9 says 0.1 < a and a < 0.9
  if (isComparison(node.operator) && node.left?.$type === 'Binary' && isComparison(node.left.operator)) {
    const left = scope.checker.expression(node.left, scope);
    const right = elementwise(node, node.operator as BinaryOperator, node.left.right, node.right, scope);
    return combine(node, 'and', left, right, scope);
  }
  return elementwise(node, node.operator as BinaryOperator, node.left, node.right, scope);
}
const isComparison = (operator: string): boolean => /^(<=?|>=?|==|!=)$/.test(operator);

function elementwise(node: Binary | Logical, operator: BinaryOperator, left: Expression, right: Expression, scope: Scope): Core {
  return combine(node, operator, scope.checker.expression(left, scope), scope.checker.expression(right, scope), scope);
}

function combine(node: Expression, operator: BinaryOperator, left: Core, right: Core, scope: Scope): Core {
  const comparesClasses = (operator === '==' || operator === '!=') && asTensor(left.type)?.classes !== undefined;
  const a = comparesClasses ? needTensor(left, scope) : needNumbers(left, scope, node);
  const b = comparesClasses ? needTensor(right, scope) : needNumbers(right, scope, node);
  if (a === undefined || b === undefined) return unknown(node);
  const met = broadcast([a.shape, b.shape]);
  if (met === undefined) return cannotMeet(node, operator, left, right, scope);
  const [atLeft, atRight] = met.at;
  const boolean = isComparison(operator) || operator === 'and' || operator === 'or';
  const length = boolean ? undefined : lengthOf(operator, a.length, b.length);
  const type = tensorType(met.shape, { ...(boolean ? { boolean: true } : {}), ...(length === undefined ? {} : { length }) });
  const operands = [
    { core: left, at: atLeft! },
    { core: right, at: atRight! },
  ] as const;
  return core({ op: 'binary', operator, operands }, type, node);
}

function lengthOf(operator: BinaryOperator, a: Dimension | undefined, b: Dimension | undefined): Dimension | undefined {
  if (a === undefined || b === undefined) return undefined;
  switch (operator) {
    case '+':
      return plus(a, b);
    case '-':
      return minus(a, b);
    case '*':
      return times(a, b);
    case '/':
      return numberOf(a) !== undefined && numberOf(b) !== undefined && numberOf(a)! % numberOf(b)! !== 0 ? undefined : over(a, b);
    default:
      return undefined;
  }
}

function cannotMeet(node: Expression, operator: string, left: Core, right: Core, scope: Scope): Core {
  const [a, b] = [asTensor(left.type)!, asTensor(right.type)!];
  const [x, y] = [textOf(left.source), textOf(right.source)];
  const pair = `\`${x} ${operator} ${y}\`: ${showType(a)} and ${showType(b)}`;
  if (a.shape.length === 1 && b.shape.length === 1)
    return wrong(scope, node, 'shape', `${pair} have no order in common. For every pair of both: outer(${x}, ${y}).`);
  return wrong(scope, node, 'shape', `${pair}: the dimensions of one must all occur, in order, in the other.`);
}

function product(node: Binary, scope: Scope): Core {
  const left = scope.checker.expression(node.left, scope);
  const right = scope.checker.expression(node.right, scope);
  const a = needNumbers(left, scope, node);
  const b = needNumbers(right, scope, node);
  if (a === undefined || b === undefined) return unknown(node);
  const [x, y] = [textOf(node.left), textOf(node.right)];
  for (const [type, text] of [
    [a, x],
    [b, y],
  ] as const)
    if (type.shape.length === 0)
      return wrong(scope, node, 'shape', `\`@\` is the product of matrices, and ${text} is a number: write \`*\`.`);
  const [i, j] = contractedPlaces(a.shape, b.shape);
  const [inner, outer] = [a.shape[i]!, b.shape[j]!];
  if (!equate(inner, outer)) {
    const meets = `${show(inner)} meets ${show(outer)}`;
    // a vector before its matrix
    if (a.shape.length === 1 && b.shape.length === 2 && equate(b.shape[1]!, inner))
      return wrong(
        scope,
        node,
        'shape',
        `\`${x} @ ${y}\`: ${x} is ${showShape(a.shape)}, ${y} is ${showShape(b.shape)}: ${meets}. Did you mean \`${y} @ ${x}\`?`,
        `${y} @ ${x}`,
      );
    const isWeight = left.op === 'read' && left.binding.kind === 'param';
    const advice = isWeight ? ` Write ${x}: ${showShape([...a.shape.slice(0, i), outer])}?` : '';
    return wrong(
      scope,
      node,
      'shape',
      `\`${x} @ ${y}\`: ${x} is ${showShape(a.shape)} and ${y} is ${showShape(b.shape)}: ${show(inner)} and ${show(outer)} are different sizes.${advice}`,
    );
  }
  const shape = [...a.shape.slice(0, -1), ...b.shape.slice(0, j), ...b.shape.slice(j + 1)];
  return core({ op: 'product', left, right }, tensorType(shape), node);
}

function power(node: Power, scope: Scope): Core {
  return combine(node, '**', scope.checker.expression(node.base, scope), scope.checker.expression(node.exponent, scope), scope);
}

function member(node: Member, scope: Scope): Core {
  const of = scope.checker.expression(node.object, scope);
  if (of.type.kind === 'unknown') return unknown(node);
  const name = node.member;
  if (node.next) {
    const plain = `${textOf(node.object)}.${name}`;
    return wrong(scope, node, 'no-next', `A field is what it is after each step: write \`${plain}\`.`, plain);
  }
  if (of.type.kind === 'record') {
    const field = of.type.fields.get(name);
    if (field !== undefined) {
      const line = of.type.instances?.[0]?.lines.find((each) => each.binding.name.replace(/'$/, '') === name)?.equation;
      const uri = of.type.instances?.[0]?.uri;
      if (line !== undefined && uri !== undefined) scope.notes?.declarations.set(node, { uri, node: line });
      return core({ op: 'field', of, name }, field, node);
    }
    if (name !== 'T') {
      const text = textOf(node.object);
      if (of.type.stateOnly) return noStateField(node, of.type, scope);
      if (of.type.heads && of.type.layers![0]!.fields.has(name))
        return wrong(scope, node, 'no-field', `\`${text}\` has ${of.type.layers!.length} heads: write ${text}[0].${name}.`);
      return wrong(scope, node, 'no-field', `\`${text}\` has no ${name}.${suggestion(name, of.type.fields.keys())}`);
    }
  }
  if (name !== 'T')
    return wrong(scope, node, 'no-field', `\`${textOf(node.object)}\` is ${showType(of.type)}: it has no fields. \`.T\` is the transpose.`);
  const type = needTensor(of, scope);
  if (type === undefined) return unknown(node);
  if (type.shape.length < 2) return wrong(scope, node, 'shape', `\`.T\` turns a matrix, and ${textOf(node.object)} is ${showType(type)}.`);
  const shape = [...type.shape.slice(0, -2), type.shape.at(-1)!, type.shape.at(-2)!];
  return core({ op: 'transpose', of }, tensorType(shape), node);
}

/** `s.f` of a state s: a line of the cell is known only after the step. */
function noStateField(node: Member, { cell, states }: RecordType, scope: Scope): Core {
  const text = textOf(node.object);
  const name = node.member;
  const isLine = scope.file.cells.get(cell)?.cell.lines.some((line) => line.$type === 'Equation' && line.name === name) ?? false;
  const isOwn = node.object.$type === 'Reference' && scope.names.get(text)?.kind === 'state';
  const when = isOwn ? `as a field of ${text}'` : 'as a field of the call';
  const why = isLine ? `it is known only after the step, ${when}.` : `its state is ${[...states.keys()].join(' and ')}.`;
  return wrong(scope, node, 'no-field', `\`${text}.${name}\`: ${name} is no state of ${cell}; ${why}`);
}

function subscript(node: Subscript, scope: Scope): Core {
  const of = scope.checker.expression(node.object, scope);
  if (of.type.kind === 'unknown') return unknown(node);
  const text = textOf(node.object);
  if (of.type.kind === 'record' && of.type.layers !== undefined) {
    const { layers, heads } = of.type;
    const [slice] = node.subscripts;
    const index = slice === undefined || slice.range ? undefined : lengthNumber(slice.from, scope);
    if (node.subscripts.length !== 1 || index === undefined || index < -layers.length || index >= layers.length)
      return wrong(scope, node, 'layer', `\`${text}\` has the ${heads ? 'heads' : 'layers'} 0 to ${layers.length - 1}: write ${text}[0].`);
    const at = index < 0 ? index + layers.length : index;
    return core({ op: 'layer', of, index: at }, layers[at]!, node);
  }
  const type = needTensor(of, scope);
  if (type === undefined) return unknown(node);
  if (node.subscripts.length > type.shape.length)
    return wrong(scope, node, 'shape', `${text} is ${showType(type)}: it has no dimension for \`${textOf(node).slice(text.length)}\`.`);
  const [first] = node.subscripts;
  if (node.subscripts.length === 1 && first !== undefined && !first.range) {
    const index = scope.checker.expression(first.from!, scope);
    const classes = asTensor(index.type)?.classes;
    if (index.type.kind === 'unknown') return unknown(node);
    if (classes !== undefined) {
      if (!equate(type.shape[0]!, classes))
        return wrong(
          scope,
          node,
          'shape',
          `\`${textOf(node)}\`: ${text} has rows for ${show(type.shape[0]!)}, and ${textOf(first)} is one of ${show(classes)}.`,
        );
      return core({ op: 'rows', of, index }, tensorType([...asTensor(index.type)!.shape, ...type.shape.slice(1)]), node);
    }
  }
  return places(node, of, type, scope);
}

function places(node: Subscript, of: Core, type: TensorType, scope: Scope): Core {
  const found: Place[] = [];
  const shape: Dimension[] = [];
  for (const [k, dimension] of type.shape.entries()) {
    const slice = node.subscripts[k];
    const place = slice === undefined ? ({ kind: 'range' } as const) : placeOf(slice, dimension, scope);
    if (place === undefined) return unknown(node);
    found.push(place);
    if (place.kind === 'range') shape.push(place.bounds === undefined ? dimension : minus(place.bounds.to, place.bounds.from));
  }
  return core({ op: 'subscript', of, places: found }, tensorType(shape), node);
}

function placeOf(slice: Slice, dimension: Dimension, scope: Scope): Place | undefined {
  const size = numberOf(dimension);
  const bound = (node: Expression | undefined, otherwise: Dimension): Dimension | undefined => {
    if (node === undefined) return otherwise;
    const index = asTensor(scope.checker.expression(node, scope).type)?.length;
    if (index === undefined) {
      fault(scope, node, 'index', `\`${textOf(node)}\` has to be a whole number or a dimension.`);
      return undefined;
    }
    const value = numberOf(index);
    return value !== undefined && value < 0 ? plus(dimension, index) : index;
  };
  if (!slice.range) {
    const index = bound(slice.from, constant(0));
    if (index === undefined) return undefined;
    const value = numberOf(index);
    if (value !== undefined && (value < 0 || (size !== undefined && value >= size))) {
      fault(scope, slice, 'index', `There is no place ${textOf(slice)}: the dimension has ${show(dimension)}, from 0.`);
      return undefined;
    }
    return { kind: 'index', index };
  }
  if (slice.from === undefined && slice.to === undefined) return { kind: 'range' };
  const from = bound(slice.from, constant(0));
  const to = bound(slice.to, dimension);
  if (from === undefined || to === undefined) return undefined;
  const [low, high] = [numberOf(from), numberOf(to)];
  const length = numberOf(minus(to, from));
  if ((low !== undefined && low < 0) || (length !== undefined && length < 1) || (high !== undefined && size !== undefined && high > size)) {
    fault(scope, slice, 'index', `The range ${textOf(slice)} does not lie within ${show(dimension)}.`);
    return undefined;
  }
  return { kind: 'range', bounds: { from, to } };
}

/** The whole number that an expression is, where that is known now. */
export function lengthNumber(node: Expression | undefined, scope: Scope): number | undefined {
  if (node === undefined) return undefined;
  const length = asTensor(scope.checker.expression(node, scope).type)?.length;
  return length === undefined ? undefined : numberOf(length);
}

function brackets(node: Brackets, scope: Scope): Core {
  const parts = node.parts.map((part) => scope.checker.expression(part, scope));
  const types = parts.map((part) => needNumbers(part, scope));
  if (types.length === 0 || types.some((type) => type === undefined)) return unknown(node);
  const shapes = types.map((type) => type!.shape);
  const [first] = shapes;
  if (!node.joined) {
    for (const [k, shape] of shapes.entries())
      if (shape.length !== first!.length || !shape.every((dimension, n) => equate(first![n]!, dimension)))
        return wrong(scope, parts[k]!.source, 'shape', `To be stacked, all need one shape: ${showShape(first!)} and ${showShape(shape)}.`);
    return core({ op: 'stack', parts }, tensorType([constant(parts.length), ...first!]), node);
  }
  for (const [k, shape] of shapes.entries()) {
    if (shape.length === 0) return wrong(scope, parts[k]!.source, 'shape', `${textOf(parts[k]!.source)} is a number: it cannot be joined.`);
    const rest = shape.slice(0, -1);
    const firstRest = first!.slice(0, -1);
    if (rest.length !== firstRest.length || !rest.every((dimension, n) => equate(firstRest[n]!, dimension))) {
      const [small, large] = shape.length > first!.length ? [0, k] : [k, 0];
      const besides = shapes[large]!.slice(0, -1).map(show).join(', ');
      const name = textOf(parts[large]!.source);
      const why =
        shape.length === first!.length
          ? ''
          : `: ${name} has the dimension ${besides} besides.${summed(parts[large]!, shapes[large]!, scope)}`;
      return wrong(
        scope,
        node,
        'shape',
        `\`${textOf(node)}\`: ${showShape(shapes[small]!)} and ${showShape(shapes[large]!)} cannot be joined${why === '' ? '.' : why}`,
      );
    }
  }
  const joined = shapes.map((shape) => shape.at(-1)!).reduce(plus);
  return core({ op: 'join', parts }, tensorType([...first!.slice(0, -1), joined]), node);
}

/** Weights times what they weigh, not yet summed: the product that sums it, as in ` \`weights @ source\` has none.` */
function summed(part: Core, shape: readonly Dimension[], scope: Scope): string {
  if (shape.length !== 2) return '';
  const line = part.op === 'read' ? scope.instance.lines.find(({ binding }) => binding === part.binding)?.core : part;
  const factors = line?.op === 'binary' && line.operator === '*' ? line.operands.map((operand) => operand.core) : [];
  const weights = factors.find(({ type }) => isVectorOf(type, shape[0]!));
  const weighed = factors.find((factor) => factor !== weights);
  if (weights !== undefined && weighed !== undefined && asTensor(weighed.type)?.shape.length === 2)
    return ` \`${textOf(weights.source)} @ ${textOf(weighed.source)}\` has none.`;
  const softmax = scope.instance.lines.find(({ role, binding }) => role === 'weights' && isVectorOf(binding.type, shape[0]!));
  return softmax === undefined ? '' : ` \`${softmax.binding.name} @ ${textOf(part.source)}\` has none.`;
}

function isVectorOf(type: Type, dimension: Dimension): boolean {
  const tensor = asTensor(type);
  return tensor?.shape.length === 1 && isSame(tensor.shape[0]!, dimension);
}

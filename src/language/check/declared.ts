// Types as they are written: dimensions by the names of an instance, the states of cells.

import type { AstNode } from 'langium';
import type { Argument, Cell, Expression, Type as TypeNode } from '../generated/ast.ts';
import { textOf } from '../places.ts';
import type { CheckedFile, Type } from './core.ts';
import { constant, type Dimension, equate, minus, open, over, plus, rigid, times } from './dimensions.ts';
import { asTensor, fault, type Scope, suggestion, tensorType } from './scope.ts';

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

// What recovery from a syntax error leaves out of a tree, filled in: the checker meets no holes.
//
// A missing expression becomes a node of a type that nothing knows, whose value is unknown and has been complained of. What has no name
// is taken out.

import { type AstNode, AstUtils } from 'langium';

/** Properties that hold an expression or a type, by the kind of node. */
const needed: Readonly<Record<string, readonly string[]>> = {
  Equation: ['value'],
  Setting: ['value'],
  Argument: ['value'],
  Data: ['source'],
  Group: ['type'],
  Unary: ['operand'],
  Binary: ['left', 'right'],
  Logical: ['left', 'right'],
  Power: ['base', 'exponent'],
  Member: ['object'],
  Subscript: ['object'],
  Call: ['callee'],
  Parentheses: ['inner'],
};

/** What a node is called by, without which it is nothing. */
const nameOf: Readonly<Record<string, string>> = {
  Cell: 'name',
  Model: 'name',
  Data: 'name',
  Train: 'model',
  Generate: 'model',
  SizeInput: 'name',
  ValueInput: 'name',
  Variable: 'name',
  Equation: 'name',
  Setting: 'name',
};

/** Names in expressions and types: where one is missing, the whole of it is. */
const inner: Readonly<Record<string, string>> = { Reference: 'name', Member: 'member', StateType: 'cell', ClassType: 'classes' };

type Open = AstNode & Record<string, unknown>;

/** Fills in a file, or a lone expression. */
export function complete<Tree extends AstNode>(tree: Tree): Tree {
  for (const node of [tree as AstNode, ...AstUtils.streamAllContents(tree)]) fill(node as Open);
  return tree;
}

const isNode = (value: unknown): value is Open => typeof value === 'object' && value !== null && '$type' in value;

function isWhole(node: Open): boolean {
  const name = nameOf[node.$type];
  return name === undefined || (node[name] !== undefined && node[name] !== '');
}

const isHole = (value: unknown): boolean => {
  if (!isNode(value)) return true;
  const name = inner[value.$type];
  return name !== undefined && (value[name] === undefined || value[name] === '');
};

function fill(node: Open): void {
  for (const property of needed[node.$type] ?? []) if (isHole(node[property])) node[property] = missing(node, property);
  if (node.$type === 'ValueInput' && isNode(node.type) && isHole(node.type)) node.type = missing(node, 'type');
  if (node.$type === 'TensorType' && node.classes === '') node.classes = undefined;
  if (node.$type === 'ValueInput' && node.type === undefined && node.fallback === undefined) node.fallback = missing(node, 'fallback');
  if (node.$type === 'Slice' && node.range !== true && isHole(node.from)) node.from = missing(node, 'from');
  for (const [property, value] of Object.entries(node)) {
    if (property.startsWith('$') || !Array.isArray(value)) continue;
    const kept = value
      .filter((each) => !isNode(each) || isWhole(each))
      .map((each) => (isNode(each) && isHole(each) ? missing(node, property) : each));
    if (kept.length !== value.length || kept.some((each, k) => each !== value[k])) node[property] = kept;
  }
}

const missing = (parent: Open, property: string): AstNode =>
  ({ $type: 'Missing', $container: parent, $containerProperty: property, $cstNode: parent.$cstNode }) as AstNode;

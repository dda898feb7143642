// What is known where an expression stands, and how faults are said.

import type { AstNode } from 'langium';
import type { Fault } from '../../shared/source.ts';
import type { Argument, Call, Cell, Expression, Type as TypeNode } from '../generated/ast.ts';
import { rangeOf } from '../places.ts';
import type {
  Binding,
  CheckedFile,
  CheckedLine,
  Core,
  CoreNode,
  Instance,
  InstanceInput,
  Parameter,
  StateVariable,
  TensorType,
  Type,
} from './core.ts';
import { type Dimension, show as showDimension, showShape } from './dimensions.ts';

/** An instance while it is being made. */
export interface OpenInstance extends Instance {
  readonly dimensions: Map<string, Dimension>;
  readonly inputs: InstanceInput[];
  readonly params: Parameter[];
  readonly states: StateVariable[];
  readonly lines: CheckedLine[];
  readonly nested: Instance[];
  stateful: boolean;
  lift: readonly Dimension[];
}

export interface Scope {
  readonly instance: OpenInstance;
  readonly file: CheckedFile;
  /** By name, with the prime of a next state. */
  readonly names: Map<string, Binding>;
  /** Names that lines further down will give. */
  readonly below: ReadonlySet<string>;
  readonly report: (fault: Fault) => void;
  /** Told of every name and expression of a definition that is checked on its own: for hover and the like. */
  readonly notes?: Notes;
  /** Checks put off until everything that can bind a dimension has been seen. */
  readonly pending: (() => void)[];
  readonly checker: Checker;
  /** The line in hand, without its prime; and how often each cell was called in it. */
  line: string;
  readonly calls: Map<string, number>;
}

/** What an editor asks for. */
export interface Notes {
  readonly types: Map<AstNode, Type>;
  readonly declarations: Map<AstNode, AstNode | { readonly uri: string; readonly node: AstNode }>;
  readonly instances: Map<AstNode, readonly Instance[]>;
}

/** The mutually recursive parts, each in its own file. */
export interface Checker {
  /** `main`: the expression is what its line is, so that a call in it has the line's name. */
  expression(node: Expression, scope: Scope, main?: boolean): Core;
  functionCall(name: string, node: Call, scope: Scope, main: boolean): Core;
  cellCall(cell: Cell, file: CheckedFile, node: Call, scope: Scope, main: boolean): Core;
  typeOf(node: TypeNode, scope: Scope): Type;
  stateOf(cell: Cell, file: CheckedFile, sizes: readonly Argument[], scope: Scope, node: AstNode): Type;
  body(scope: Scope): Core | undefined;
}

export function fault(
  scope: Scope,
  node: AstNode,
  code: string,
  message: string,
  more: Partial<Pick<Fault, 'severity' | 'repair' | 'repairs'>> = {},
): void {
  scope.report({ range: rangeOf(node, scope.file.uri), severity: 'error', code, message, ...more });
}

export const unknown = (source: Expression): Core => ({ op: 'unknown', type: { kind: 'unknown' }, source });

/** Says what is wrong with an expression, and stands for its value. */
export function wrong(scope: Scope, node: Expression, code: string, message: string, repair?: string): Core {
  fault(scope, node, code, message, repair === undefined ? {} : { repair });
  return unknown(node);
}

export const core = (node: CoreNode, type: Type, source: Expression): Core => ({ ...node, type, source }) as Core;

export const tensorType = (shape: readonly Dimension[], more: Partial<TensorType> = {}): TensorType => ({ kind: 'tensor', shape, ...more });

/** The tensor that a value stands for: itself, or the value of a record. */
export function asTensor(type: Type): TensorType | undefined {
  if (type.kind === 'tensor') return type;
  return type.kind === 'record' ? type.value : undefined;
}

/** As asTensor; says what is wrong where it is none. Undefined also where that was said before. */
export function needTensor(value: Core, scope: Scope): TensorType | undefined {
  const { type, source } = value;
  if (type.kind === 'unknown') return undefined;
  const tensor = asTensor(type);
  if (tensor !== undefined) return tensor;
  const text = source.$cstNode?.text ?? 'This';
  if (type.kind === 'cell') fault(scope, source, 'not-a-value', `\`${text}\` is ${calleeName(type)}, not a value: it has to be called.`);
  else if (type.kind === 'text') fault(scope, source, 'not-a-value', 'A text is no value here.');
  else if (type.kind === 'record')
    fault(
      scope,
      source,
      'no-single-value',
      `\`${text}\` has no value of its own: name a field, one of ${[...type.fields.keys()].join(', ')}.`,
    );
  return undefined;
}

const calleeName = ({ callee }: Extract<Type, { kind: 'cell' }>): string => (callee.kind === 'cell' ? 'a cell' : 'a function');

export function showType(type: Type): string {
  switch (type.kind) {
    case 'tensor': {
      if (type.classes === undefined) return showShape(type.shape);
      return type.shape.length === 0
        ? `one of ${showDimension(type.classes)}`
        : `${showShape(type.shape)} of ${showDimension(type.classes)}`;
    }
    case 'record':
      return type.value === undefined ? `a record of ${[...type.fields.keys()].join(', ')}` : showType(type.value);
    case 'cell':
      return calleeName(type);
    case 'text':
      return 'a text';
    case 'unknown':
      return '?';
  }
}

/** ` Did you mean \`x\`?` where a known name is close, else nothing. */
export function suggestion(name: string, known: Iterable<string>): string {
  const best = closest(name, known);
  return best === undefined ? '' : ` Did you mean \`${best}\`?`;
}

export function closest(name: string, known: Iterable<string>): string | undefined {
  if (name.length < 2) return undefined; // every short name is close to every other
  let best: string | undefined;
  let least = Math.max(1, Math.floor(name.length / 3)) + 0.5;
  for (const candidate of known) {
    if (name.length < 4 && candidate.length === name.length) continue; // cpu is no slip for gpu
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least && candidate !== name) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, k) => k);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1)
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length]!;
}

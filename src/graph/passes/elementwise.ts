// Operations that compute each element from those at its place, and could stand in or outside of a loop.

import type { OperationName } from '../graph.ts';

export const elementwise: ReadonlySet<string> = new Set<OperationName>([
  'neg',
  'exp',
  'log',
  'sqrt',
  'abs',
  'sign',
  'sigmoid',
  'tanh',
  'relu',
  'erf',
  'sin',
  'cos',
  'not',
  'cast',
  'add',
  'sub',
  'mul',
  'div',
  'minimum',
  'maximum',
  'less',
  'lessEqual',
  'equal',
  'and',
  'or',
  'where',
]);

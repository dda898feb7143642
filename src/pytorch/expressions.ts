// Checked expressions in PyTorch.

import type { Core, RecordType, TensorType } from '../language/check/core.ts';
import { notExported } from './errors.ts';
import { applyFunction, asNumber, both, placed } from './functions.ts';
import { atom, attributeName, binds, fieldName, type Py, type PyRecord, scalar, within } from './python.ts';
import { rankOf, type Scope, type Value } from './scope.ts';

/** Writes a call; in cells.ts, which knows the classes. */
export type WriteCall = (core: Extract<Core, { op: 'call' }>, scope: Scope) => Value;

export class ExpressionWriter {
  readonly #call: WriteCall;

  constructor(call: WriteCall) {
    this.#call = call;
  }

  tensor(core: Core, scope: Scope): Py {
    return pyOf(this.write(core, scope), core);
  }

  write(core: Core, scope: Scope): Value {
    const given = scope.bindings;
    switch (core.op) {
      case 'number':
        return scalar(numberText(core.value), core.value < 0 ? binds.sign : binds.atom);
      case 'boolean':
        return scalar(core.value ? 'True' : 'False', binds.atom, { truth: true });
      case 'dimension':
        return this.#length(core, scope);
      case 'step':
        scope.usesStep = true;
        return atom('t', 0, true);
      case 'read': {
        const value = given.get(core.binding);
        if (value === undefined) throw notExported(`\`${core.binding.name}\`, which is not known here,`, core.source);
        return value;
      }
      case 'field':
        return this.#field(core, scope);
      case 'layer': {
        const record = this.write(core.of, scope);
        const layer = record.kind === 'record' ? record.layers?.[core.index] : undefined;
        if (layer === undefined) throw notExported('this layer', core.source);
        return layer;
      }
      case 'negate': {
        const x = asNumber(this.tensor(core.of, scope));
        return { ...x, code: `-${within(x, binds.sign)}`, level: binds.sign };
      }
      case 'not': {
        const x = this.tensor(core.of, scope);
        if (x.scalar) return { ...x, code: `not ${within(x, binds.not)}`, level: binds.not, truth: true };
        return {
          ...x,
          code: `~${within({ code: truthOf(x), level: x.truth ? x.level : binds.atom }, binds.sign)}`,
          level: binds.sign,
          truth: true,
        };
      }
      case 'binary':
        return this.#binary(core, scope);
      case 'product':
        return this.#product(core, scope);
      case 'transpose': {
        const x = this.tensor(core.of, scope);
        return atom(x.rank === 2 && !x.lead ? `${within(x, binds.atom)}.T` : `${within(x, binds.atom)}.transpose(-1, -2)`, x.rank, x.lead);
      }
      case 'join': {
        const parts = core.parts.map((part) => this.tensor(part, scope));
        return atom(
          `join(${parts.map(({ code }) => code).join(', ')})`,
          rankOf(core.type),
          parts.some(({ lead }) => lead),
        );
      }
      case 'stack': {
        const parts = core.parts.map((part) => this.tensor(part, scope));
        const rank = rankOf(core.type);
        return atom(
          `stack(${-rank}, ${parts.map(({ code }) => code).join(', ')})`,
          rank,
          parts.some(({ lead }) => lead),
        );
      }
      case 'subscript':
        return this.#subscript(core, scope);
      case 'rows': {
        const table = this.tensor(core.of, scope);
        const index = this.tensor(core.index, scope);
        if (table.lead) throw notExported('a table that differs from row to row', core.source);
        return atom(`${within(table, binds.atom)}[${index.code}]`, index.rank + table.rank - 1, index.lead);
      }
      case 'function':
        return this.#function(core, scope);
      case 'call':
        return this.#call(core, scope);
      default:
        throw notExported('this expression', core.source);
    }
  }

  #length(core: Extract<Core, { op: 'dimension' }>, scope: Scope): Py {
    const lengths = scope.lengthsOf(core.dimension);
    const size = scope.size(core.dimension);
    if (size === undefined) throw notExported('this length', core.source);
    if (lengths === undefined) return scalar(size, size.includes(' ') ? binds.sum : binds.atom);
    const match = /^(.*)\.shape\[(-\d+)\]$/.exec(size)!;
    return atom(`count(${match[1]}, ${match[2]}, ${lengths})`, 0, true);
  }

  #field(core: Extract<Core, { op: 'field' }>, scope: Scope): Value {
    const record = this.write(core.of, scope);
    const type = core.of.type as RecordType;
    if (record.kind !== 'record') throw notExported(`the field \`${core.name}\``, core.source);
    const [instance] = type.instances ?? [];
    const parameter = type.stateOnly ? undefined : instance?.params.find(({ binding }) => binding.name === core.name);
    if (parameter !== undefined) {
      if (record.module === undefined) throw notExported(`the parameter \`${core.name}\` of a call elsewhere`, core.source);
      return atom(`${record.module}.${attributeName(core.name)}`, parameter.shape.length, false);
    }
    const code = `${record.code}.${fieldName(core.name)}`;
    if (core.type.kind === 'record') return { kind: 'record', code, plain: false };
    const line = instance?.lines.find(({ binding }) => binding.name.replace(/'$/, '') === core.name);
    // what is the same at each place that a cell without state runs over, has been computed once
    if (line !== undefined && line.level <= 1 && instance!.lift.length > 0 && !instance!.stateful)
      throw notExported(`the field \`${core.name}\`, which is the same at each step,`, core.source);
    return atom(code, rankOf(core.type), true);
  }

  #binary(core: Extract<Core, { op: 'binary' }>, scope: Scope): Py {
    const given = core.operands.map(({ core: operand }) => this.tensor(operand, scope));
    const rank = (core.type as TensorType).shape.length;
    const isScalar = given.every((each) => each.scalar);
    const aligned = isScalar ? given : given.map((each, k) => placed(each, core.operands[k]!.at, rank));
    const lead = given.some((each) => each.lead);
    const counted = both(
      given.map((each, k) =>
        each.counted === undefined ? undefined : placed(atom(`(${each.counted})`, each.rank, each.lead), core.operands[k]!.at, rank).code,
      ),
    );
    const more = { ...(isScalar ? { scalar: true as const } : {}), ...(counted === undefined ? {} : { counted }) };
    const result = (text: string, level: number, truth = false): Py => ({
      ...atom(text, rank, lead, more),
      level,
      ...(truth ? { truth: true as const } : {}),
    });
    if (core.operator === 'and' || core.operator === 'or') {
      const [a, b] = aligned as [Py, Py];
      const level = isScalar ? binds[core.operator] : core.operator === 'and' ? binds.bitAnd : binds.bitOr;
      const sign = isScalar ? core.operator : core.operator === 'and' ? '&' : '|';
      const part = (x: Py): string => (x.truth ? within(x, level + (x.level === level ? 0 : 1)) : truthOf(x));
      return result(`${part(a)} ${sign} ${part(b)}`, level, true);
    }
    const [a, b] = aligned.map(asNumber) as [Py, Py];
    const level = levels[core.operator];
    const isPower = core.operator === '**';
    const isComparison = level === binds.comparison;
    const left = within(a, isPower || isComparison ? level + 1 : level);
    const right = within(b, isPower ? level - 1 : level + 1);
    return result(`${left} ${core.operator} ${right}`, level, isComparison);
  }

  /** Summed over the last dimension of the left and the last but one of the right. */
  #product(core: Extract<Core, { op: 'product' }>, scope: Scope): Py {
    let a = asNumber(this.tensor(core.left, scope));
    const b = asNumber(this.tensor(core.right, scope));
    const inner = (typeOf(core.left) as TensorType).shape.at(-1)!;
    const lengths = scope.lengthsOf(inner);
    if (lengths !== undefined && !isSoftmax(core.left, scope)) a = { ...atom(`masked(${a.code}, -1, ${lengths})`, a.rank, true) };
    const lead = a.lead || b.lead;
    const rank = a.rank + b.rank - 2;
    const of = (text: string, level: number = binds.atom): Py => ({ ...atom(text, rank, lead), level });
    const at = (x: Py = a, y: Py = b): Py => of(`${within(x, binds.product)} @ ${within(y, binds.sign)}`, binds.product);
    if (!a.lead && b.lead) {
      if (a.rank === 2 && b.rank === 1) return of(`F.linear(${b.code}, ${a.code})`);
      if (a.rank === 1 && b.rank === 1) return at(b, a);
      if (a.rank <= 2 && b.rank === 2) return at();
    } else if (!b.lead) {
      if (b.rank <= 2 && (a.lead || a.rank <= 2)) return at();
    } else {
      if (a.rank === 1 && b.rank === 1) return of(`(${within(a, binds.product)} * ${within(b, binds.sign)}).sum(-1)`);
      if (a.rank === 2 && b.rank === 2) return at();
    }
    const letters = 'abcdefghijklmnop';
    const left = letters.slice(0, a.rank);
    const contracted = left.at(-1)!;
    const place = Math.max(0, b.rank - 2);
    const right = [...Array(b.rank).keys()].map((k) => (k === place ? contracted : letters[a.rank + k]!)).join('');
    const out = left.slice(0, -1) + right.replace(contracted, '');
    const spread = (x: Py, names: string): string => `${x.lead ? '...' : ''}${names}`;
    return of(`torch.einsum("${spread(a, left)},${spread(b, right)}->${lead ? '...' : ''}${out}", ${a.code}, ${b.code})`);
  }

  #subscript(core: Extract<Core, { op: 'subscript' }>, scope: Scope): Py {
    const x = this.tensor(core.of, scope);
    const places = core.places.map((place) => {
      const size = (dimension: Parameters<Scope['size']>[0]): string => {
        const found = scope.number(dimension) === undefined ? undefined : scope.size(dimension);
        if (found === undefined) throw notExported('a place that is known only when the model runs', core.source);
        return found;
      };
      if (place.kind === 'index') return size(place.index);
      return place.bounds === undefined ? ':' : `${size(place.bounds.from)}:${size(place.bounds.to)}`;
    });
    return atom(`${within(x, binds.atom)}[..., ${places.join(', ')}]`, rankOf(core.type), x.lead);
  }

  #function(core: Extract<Core, { op: 'function' }>, scope: Scope): Value {
    if (core.name === 'last') {
      const built = this.write(core.operands[0]!.core, scope);
      if (built.kind === 'record') {
        const type = core.operands[0]!.core.type as RecordType;
        if (core.type.kind === 'record') {
          if (built.plain) throw new Error('a run is asked for its state that gives its value only');
          return lastOf(built, type, scope);
        }
        const state = valueState(type);
        if (state !== undefined && !built.plain && type.instances?.some(({ stateful, lift }) => stateful && lift.length > 0))
          return atom(`${built.code}.last.${fieldName(state)}`, rankOf(core.type), true);
      }
    }
    const operands = core.operands.map(({ core: operand }) => this.tensor(operand, scope));
    const first = core.operands[0]?.core;
    const firstShape = first === undefined ? [] : (typeOf(first)?.shape ?? []);
    const { shape } = core.type as TensorType;
    return applyFunction({
      node: core,
      operands,
      aligned: () => operands.map((each, k) => placed(each, core.operands[k]!.at, shape.length)),
      where: core.where === undefined ? undefined : placed(this.#condition(core.where.core, scope), core.where.at, firstShape.length),
      shape,
      lengths: (place) => scope.lengthsOf(firstShape[place]!),
      size: (dimension) => {
        const found = scope.size(dimension);
        if (found === undefined) throw notExported('this length', core.source);
        return found;
      },
      fail: (what) => notExported(what, core.source),
      compares: comparesData(core),
      like: scope.like,
    });
  }

  #condition(core: Core, scope: Scope): Py {
    const x = this.tensor(core, scope);
    return x.truth ? x : { ...atom(truthOf(x), x.rank, x.lead), truth: true };
  }
}

/** Where a tensor is wanted. */
export function pyOf(value: Value, core: Core): Py {
  if (value.kind === 'tensor') return value;
  const type = core.type as RecordType;
  const rank = type.kind === 'record' ? rankOf(type) : rankOf(core.type);
  if (value.plain) return atom(value.code, rank, true);
  if (value.value !== undefined) return atom(value.value, rank, true);
  if (type.kind === 'record' && type.stateOnly) {
    const name = valueState(type);
    if (name === undefined) throw notExported('a state of which no value is named', core.source);
    return atom(`${value.code}.${fieldName(name)}`, rank, true);
  }
  return atom(`${value.code}.value`, rank, true);
}

/** The state that a record's value is. */
function valueState(type: RecordType): string | undefined {
  const found = [...type.states].find(([, part]) => part === type.value)?.[0];
  if (found !== undefined) return found;
  const instance = type.instances?.[0];
  const last = instance?.lines.at(-1)?.binding;
  return last?.kind === 'next' ? last.name.replace(/'$/, '') : undefined;
}

/** The state after the last step, and the value there. */
function lastOf(run: PyRecord, type: RecordType, scope: Scope): PyRecord {
  const instance = type.instances?.[0];
  const line = instance?.lines.at(-1)?.binding;
  const code = `${run.code}.last`;
  let value: string | undefined;
  if (line?.kind === 'next') {
    const name = line.name.replace(/'$/, '');
    const state = type.states.get(name);
    // a state that is another cell's stands for that cell's value
    const inner = state?.kind === 'record' ? valueState(state) : undefined;
    value = `${code}.${fieldName(name)}${inner === undefined ? '' : `.${fieldName(inner)}`}`;
  } else if (type.value !== undefined) {
    const lengths = scope.lengthsOf(type.value.shape[0]!);
    value = `last(${run.code}.value, ${-type.value.shape.length}, ${lengths ?? 'None'})`;
  }
  return {
    kind: 'record',
    code,
    plain: false,
    ...(value === undefined ? {} : { value }),
    ...(run.layers === undefined
      ? {}
      : { layers: run.layers.map((layer, k) => (layer === run ? layer : lastOf(layer, type.layers![k]!, scope))) }),
  };
}

const typeOf = (core: Core): TensorType | undefined =>
  core.type.kind === 'tensor' ? core.type : core.type.kind === 'record' ? core.type.value : undefined;

/** Whether what stands behind the end is 0 already. */
function isSoftmax(core: Core, scope: Scope): boolean {
  if (core.op === 'read') {
    const line = scope.instance.lines.find(({ binding }) => binding === core.binding);
    return line !== undefined && isSoftmax(line.core, scope);
  }
  return core.op === 'function' && core.name === 'softmax' && core.along[0] === (core.type as TensorType).shape.length - 1;
}

function comparesData(core: Extract<Core, { op: 'function' }>): 'classes' | 'numbers' | undefined {
  const target = core.operands[1]?.core;
  if (target === undefined) return undefined;
  const of = (each: Core): boolean =>
    (each.op === 'read' && each.binding.kind === 'input') || (each.op === 'function' && each.name === 'next' && of(each.operands[0]!.core));
  return of(target) ? (typeOf(target)?.classes === undefined ? 'numbers' : 'classes') : undefined;
}

const truthOf = (x: Py): string => (x.truth ? x.code : `truth(${x.scalar ? `tensor(${x.code})` : x.code})`);

const numberText = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) < 1e15 ? `${value}` : `${value}`.replace(/^(-?\d+)e/, '$1.0e');

const levels = {
  '+': binds.sum,
  '-': binds.sum,
  '*': binds.product,
  '/': binds.product,
  '%': binds.product,
  '**': binds.power,
  '<': binds.comparison,
  '<=': binds.comparison,
  '>': binds.comparison,
  '>=': binds.comparison,
  '==': binds.comparison,
  '!=': binds.comparison,
} as const;

// Watches, conditions and hovers: an expression of the language, computed at a stop.
//
// Beside the language's functions there are `grad(v)` (d objective / d v), `at(v, t)` (v at another timestep), `previous(v)` and `next(v)`,
// `coverage(weights)` (what each place has been given up to now) and `collapse(weights)` (how much they are what they were at the steps
// before), and the names `t` and `token`.

import type { Argument, Expression, Subscript } from '../language/generated/ast.ts';
import { parseExpression } from '../language/parser/parser.ts';
import { collapse, coverage } from '../shared/attention.ts';
import { type InstanceDescription, sequenceAlong } from '../shared/trace.ts';
import { element, join, Mistake, map, product, section, shapeText, stack, transpose, zip } from './arithmetic.ts';
import { FUNCTIONS, truth } from './functions.ts';
import type { Meaning, Moment, Names } from './names.ts';
import { scalar, sizeOf, type Tensor } from './tensor.ts';
import type { TraceValues, ValueDescription } from './values.ts';

export type Parsed = { readonly kind: 'expression'; readonly tree: Expression } | { readonly kind: 'fault'; readonly message: string };

export type Evaluated =
  /** `t`: the timestep of a value that is not yet computed at this one. `address`: where it is one value of the trace. */
  | { readonly kind: 'tensor'; readonly tensor: Tensor; readonly past?: number }
  | { readonly kind: 'text'; readonly text: string }
  /** `notYet`: nothing is wrong with it, but the value comes later. */
  | { readonly kind: 'fault'; readonly message: string; readonly notYet: boolean };

export const parseWatch = (text: string): Parsed => {
  if (text.trim() === '') return { kind: 'fault', message: 'An expression is missing.' };
  const { tree, faults } = parseExpression(text.trim());
  const fault = faults[0];
  return fault ? { kind: 'fault', message: fault.message } : { kind: 'expression', tree };
};

/** The value of an expression in the scope of a frame. What is wrong with it comes back as a fault; a trace that cannot be read throws. */
export const evaluate = async (tree: Expression, names: Names, values: TraceValues): Promise<Evaluated> => {
  try {
    return await new Evaluation(names, values).of(tree);
  } catch (error) {
    if (error instanceof Mistake) return { kind: 'fault', message: error.message, notYet: error instanceof NotYet };
    throw error;
  }
};

/** Whether a condition holds: a number other than 0 and NaN. */
export const holds = (result: Evaluated): boolean | { readonly fault: string; readonly notYet: boolean } => {
  if (result.kind === 'fault') return { fault: result.message, notYet: result.notYet };
  if (result.kind === 'text') return { fault: 'A text is no condition: compare it, as in token == "e".', notYet: false };
  if (result.tensor.shape.length > 0)
    return { fault: `The condition has the shape ${shapeText(result.tensor)}: say any(...) or all(...) of it.`, notYet: false };
  const value = result.tensor.data[0]!;
  return value !== 0 && !Number.isNaN(value);
};

class NotYet extends Mistake {}

class Evaluation {
  readonly #names: Names;
  readonly #values: TraceValues;

  constructor(names: Names, values: TraceValues) {
    this.#names = names;
    this.#values = values;
  }

  async of(tree: Expression): Promise<Evaluated> {
    switch (tree.$type) {
      case 'NumberLiteral':
        return tensor(scalar(tree.value));
      case 'BooleanLiteral':
        return tensor(truth(tree.value === 'true'));
      case 'StringLiteral':
        return { kind: 'text', text: tree.value };
      case 'Parentheses':
        return await this.of(tree.inner);
      case 'Reference':
        return await this.#name(`${tree.name}${tree.next ? "'" : ''}`);
      case 'Member':
        return await this.#member(tree);
      case 'Subscript':
        return await this.#subscript(tree);
      case 'Call':
        return await this.#call(`${tree.callee.name}`, tree.arguments);
      case 'Power': {
        const [base, exponent] = await this.#both(tree.base, tree.exponent);
        return tensor(zip(base, exponent, (x, y) => x ** y, '**'));
      }
      case 'Unary': {
        const operand = await this.#tensor(tree.operand);
        return tensor(map(operand, tree.operator === '-' ? (x) => -x : tree.operator === 'not' ? (x) => Number(x === 0) : (x) => x));
      }
      case 'Logical': {
        const [left, right] = await this.#both(tree.left, tree.right);
        const either = tree.operator === 'or';
        return tensor(zip(left, right, (x, y) => Number(either ? x !== 0 || y !== 0 : x !== 0 && y !== 0), tree.operator));
      }
      case 'Brackets': {
        const parts = await Promise.all(tree.parts.map((part) => this.#tensor(part)));
        return tensor(tree.joined ? join(parts) : stack(parts));
      }
      case 'Binary':
        return await this.#binary(tree);
    }
  }

  async #binary(tree: Extract<Expression, { $type: 'Binary' }>): Promise<Evaluated> {
    const compare = COMPARISONS[tree.operator];
    if (compare && tree.left.$type === 'Binary' && COMPARISONS[tree.left.operator]) {
      const [first, second] = await Promise.all([this.#tensor(tree.left), this.#chained(tree.left.right, tree.right, tree.operator)]);
      return tensor(zip(first, second, (x, y) => Number(x !== 0 && y !== 0), tree.operator));
    }
    const [left, right] = await Promise.all([this.of(tree.left), this.of(tree.right)]);
    if (left.kind === 'text' && right.kind === 'text' && (tree.operator === '==' || tree.operator === '!='))
      return tensor(truth((left.text === right.text) === (tree.operator === '==')));
    const [a, b] = [numbers(left), numbers(right)];
    if (compare) return tensor(zip(a, b, (x, y) => Number(compare(x, y)), tree.operator));
    return tensor(tree.operator === '@' ? product(a, b) : zip(a, b, ARITHMETIC[tree.operator]!, tree.operator));
  }

  /** The right half of `0.1 < a < 0.9`. */
  async #chained(left: Expression, right: Expression, operator: string): Promise<Tensor> {
    const [a, b] = await this.#both(left, right);
    return zip(a, b, (x, y) => Number(COMPARISONS[operator]!(x, y)), operator);
  }

  async #tensor(tree: Expression): Promise<Tensor> {
    return numbers(await this.of(tree));
  }

  async #both(a: Expression, b: Expression): Promise<[Tensor, Tensor]> {
    return await Promise.all([this.#tensor(a), this.#tensor(b)]);
  }

  async #number(tree: Expression): Promise<number> {
    const value = await this.#tensor(tree);
    if (value.shape.length > 0) throw new Mistake(`A number is wanted here, not ${shapeText(value)}.`);
    return value.data[0]!;
  }

  get #time(): number {
    return this.#names.position.t ?? this.#names.stepper.timestep(this.#names.position);
  }

  async #name(name: string): Promise<Evaluated> {
    const meaning = this.#names.find(name);
    if (meaning) return await this.#read(meaning, name, false);
    if (name === 't') return tensor(scalar(this.#time));
    const { trace } = this.#names.stepper.program;
    if (name === 'T') return tensor(scalar(trace.steps));
    if (name === 'token') return { kind: 'text', text: sequenceAlong(trace, this.#names.along).tokens[this.#time] ?? '' };
    throw new Mistake(`Nothing is called ${name} here.${suggestion(name, this.#names)}`);
  }

  async #member(tree: Extract<Expression, { $type: 'Member' }>): Promise<Evaluated> {
    if (tree.member === 'T' && !this.#meaning(tree)) return tensor(transpose(await this.#tensor(tree.object)));
    const meaning = this.#meaning(tree);
    if (meaning) return await this.#read(meaning, `${tree.member}${tree.next ? "'" : ''}`, false);
    const instance = this.#instance(tree.object);
    const name = `${tree.member}${tree.next ? "'" : ''}`;
    if (instance)
      throw new Mistake(
        `${instance.path} (${instance.cell}) has no ${name}. It has ${instance.lines.map((line) => line.name).join(', ')}.`,
      );
    throw new Mistake(`.${name} is asked of something that is no call of a cell.`);
  }

  async #subscript(tree: Subscript): Promise<Evaluated> {
    const whole = this.#meaning(tree.object);
    const layer = whole?.kind === 'value' && whole.calls.length > 1 ? this.#instance(tree) : undefined;
    const line = layer?.lines.at(-1);
    if (layer && line) return await this.#read(this.#names.field(layer, line.name)!, line.name, false);
    let value = await this.#tensor(tree.object);
    let axis = 0;
    for (const slice of tree.subscripts) {
      const from = slice.from && (await this.#number(slice.from));
      const to = slice.to && (await this.#number(slice.to));
      if (axis > 0) throw new Mistake('Write one index after the other: a[0][3].');
      value = slice.range ? section(value, from, to) : element(value, from!);
      if (slice.range) axis++;
    }
    return tensor(value);
  }

  async #call(name: string, args: readonly Argument[]): Promise<Evaluated> {
    const plain = args.filter((argument) => argument.name === undefined).map(({ value }) => value);
    switch (name) {
      case 'grad':
      case 'at':
      case 'previous':
      case 'next':
        return await this.#elsewhere(name, plain);
      case 'coverage':
      case 'collapse':
        return await this.#upToNow(name, plain);
    }
    const known = FUNCTIONS[name];
    if (!known) throw new Mistake(`${name} cannot be called here: a watch computes with values of the trace, and calls no cells.`);
    const [least, most] = known.arity;
    if (plain.length < least || plain.length > most)
      throw new Mistake(
        `${name} takes ${least === most ? least : `${least} to ${most}`} argument${most === 1 ? '' : 's'}, not ${plain.length}.`,
      );
    const over = args.find((argument) => argument.name === 'over')?.value;
    const axes = !over ? [] : over.$type === 'Brackets' ? over.parts : [over];
    const tensors = await Promise.all(plain.map((argument) => this.#tensor(argument)));
    return tensor(
      known.apply(
        tensors,
        axes.map((axis) => (axis.$type === 'Reference' ? axis.name : String(axis.$type === 'NumberLiteral' ? axis.value : ''))),
      ),
    );
  }

  /** `grad(v)`, `at(v, t)`, `previous(v)`, `next(v)`: v is a value of the trace, or a gradient of one. */
  async #elsewhere(name: string, args: readonly Expression[]): Promise<Evaluated> {
    const [of, time] = args;
    const wanted = name === 'at' ? 2 : 1;
    if (!of || args.length !== wanted)
      throw new Mistake(`${name} takes ${wanted === 1 ? 'one value: grad(f)' : 'a value and a timestep: at(f, 17)'}.`);
    const differentiated = of.$type === 'Call' && of.callee.name === 'grad' ? of.arguments[0]?.value : undefined;
    const gradient = name === 'grad' || differentiated !== undefined;
    const target = differentiated ?? of;
    const meaning = this.#meaning(target);
    if (meaning?.kind !== 'value')
      throw new Mistake(`${name} takes a value of the trace by its name: ${name === 'at' ? 'at(f, 17)' : `${name}(f)`}.`);
    if (name === 'grad') return await this.#read(meaning, meaning.value.address.line, true);
    const t = name === 'at' ? await this.#number(time!) : this.#time + (name === 'next' ? 1 : -1);
    const steps = this.#values.steps(meaning.value);
    if (!Number.isInteger(t) || t < 0 || t >= steps) throw new Mistake(`There is no timestep ${t}: t goes from 0 to ${steps - 1}.`);
    return tensor(await this.#value(meaning.value, t, gradient));
  }

  /** `coverage(weights)`, `collapse(weights)`: of weights over places, those of the steps before too. */
  async #upToNow(name: 'coverage' | 'collapse', args: readonly Expression[]): Promise<Evaluated> {
    const meaning = args.length === 1 ? this.#meaning(args[0]!) : undefined;
    if (meaning?.kind !== 'value' || !meaning.value.perStep || meaning.value.shape.length === 0)
      throw new Mistake(`${name} takes weights over places that the trace has at each timestep, by their name: ${name}(weights).`);
    const { value, moment } = meaning;
    if (moment.kind === 'notYet') throw new NotYet(`${value.address.line} is not computed yet.`);
    if (moment.kind !== 'at') throw new Mistake(`${name} is asked at a timestep: stop within the loop of ${value.address.line}.`);
    const rows = await Promise.all(Array.from({ length: moment.t + 1 }, (_, t) => this.#values.at(value, t)));
    const { shape, dimensions } = value;
    const now = rows.at(-1)!;
    const result: Tensor =
      name === 'coverage'
        ? { shape, dimensions, data: coverage(rows) }
        : ofEach(shape, dimensions, (from, to) =>
            collapse(
              now.subarray(from, to),
              rows.slice(0, -1).map((row) => row.subarray(from, to)),
            ),
          );
    return moment.past ? { kind: 'tensor', tensor: result, past: moment.t } : tensor(result);
  }

  /** What a bare name, `h.f`, `h[1].f` stands for. */
  #meaning(tree: Expression): Meaning | undefined {
    if (tree.$type === 'Parentheses') return this.#meaning(tree.inner);
    if (tree.$type === 'Reference') return this.#names.find(`${tree.name}${tree.next ? "'" : ''}`);
    if (tree.$type !== 'Member') return undefined;
    const instance = this.#instance(tree.object);
    return instance && this.#names.field(instance, `${tree.member}${tree.next ? "'" : ''}`);
  }

  /** The call that an expression names: `h`, `h[1]`, `h.forward`. Bare, a stack of layers is its top one. */
  #instance(tree: Expression): InstanceDescription | undefined {
    if (tree.$type !== 'Subscript') return this.#calls(tree).at(-1);
    const layers = this.#calls(tree.object);
    const index = tree.subscripts[0]?.from;
    return layers.length > 1 && index?.$type === 'NumberLiteral' ? layers[index.value] : undefined;
  }

  #calls(tree: Expression): readonly InstanceDescription[] {
    if (tree.$type === 'Reference') return this.#names.calls(`${tree.name}${tree.next ? "'" : ''}`);
    const meaning = this.#meaning(tree);
    return meaning?.kind === 'value' ? meaning.calls : [];
  }

  async #read(meaning: Meaning, name: string, gradient: boolean): Promise<Evaluated> {
    if (meaning.kind === 'size') return tensor(scalar(meaning.size));
    if (meaning.kind === 'weight') {
      const { shape, data } = await this.#values.weight(meaning.weight);
      return tensor({ shape, dimensions: shape.map(String), data });
    }
    const { value, moment } = meaning;
    if (moment.kind === 'notYet') throw new NotYet(`${name} is not computed yet.`);
    const read = await this.#value(value, moment.kind === 'at' ? moment.t : moment.kind, gradient);
    return moment.kind === 'at' && moment.past ? { kind: 'tensor', tensor: read, past: moment.t } : tensor(read);
  }

  async #value(value: ValueDescription, when: number | Exclude<Moment['kind'], 'at' | 'notYet'>, gradient: boolean): Promise<Tensor> {
    if (gradient && value.integer) throw new Mistake(`${value.address.line} holds classes, and has no gradient.`);
    return await readTensor(this.#values, value, when, gradient);
  }
}

/** A value of the trace as a tensor: of one timestep, of the sequence, or of all timesteps. */
export const readTensor = async (
  values: TraceValues,
  value: ValueDescription,
  when: number | 'once' | 'all',
  gradient: boolean,
): Promise<Tensor> => {
  const { classes } = values.trace.description;
  const range = {
    ...(value.range && !gradient && { range: value.range }),
    ...(value.range === 'scores' && classes && value.shape.length === 1 && value.shape[0] === classes.length && { classes }),
  };
  if (when === 'all') {
    const data = await values.whole(value, gradient);
    return { shape: [values.steps(value), ...value.shape], dimensions: [value.along ?? 'T', ...value.dimensions], data, ...range };
  }
  return { shape: value.shape, dimensions: value.dimensions, data: await values.at(value, when === 'once' ? 0 : when, gradient), ...range };
};

/** A number for each line of places along the last axis: head by head. */
const ofEach = (shape: readonly number[], dimensions: readonly string[], f: (from: number, to: number) => number): Tensor => {
  const places = shape.at(-1)!;
  const heads = shape.slice(0, -1);
  const data = Float64Array.from({ length: sizeOf(heads) }, (_, head) => f(head * places, (head + 1) * places));
  return { shape: heads, dimensions: dimensions.slice(0, -1), data };
};

const COMPARISONS: Readonly<Record<string, ((x: number, y: number) => boolean) | undefined>> = {
  '<': (x, y) => x < y,
  '<=': (x, y) => x <= y,
  '>': (x, y) => x > y,
  '>=': (x, y) => x >= y,
  '==': (x, y) => x === y,
  '!=': (x, y) => x !== y,
};

const ARITHMETIC: Readonly<Record<string, ((x: number, y: number) => number) | undefined>> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x * y,
  '/': (x, y) => x / y,
  '%': (x, y) => x - y * Math.floor(x / y),
};

const tensor = (of: Tensor): Evaluated => ({ kind: 'tensor', tensor: of });

const numbers = (result: Evaluated): Tensor => {
  if (result.kind === 'tensor') return result.tensor;
  throw new Mistake(result.kind === 'fault' ? result.message : `"${result.text}" is a text, not a number.`);
};

/** A name of the scope that differs by one letter, or in case. */
const suggestion = (name: string, names: Names): string => {
  const near = names.all().find((other) => other.name.toLowerCase() === name.toLowerCase() || differByOne(other.name, name));
  return near ? ` Did you mean ${near.name}?` : '';
};

const differByOne = (a: string, b: string): boolean => {
  if (Math.abs(a.length - b.length) > 1 || Math.max(a.length, b.length) < 3) return false;
  let same = 0;
  while (same < Math.min(a.length, b.length) && a[same] === b[same]) same++;
  return a.slice(same + (a.length >= b.length ? 1 : 0)) === b.slice(same + (b.length >= a.length ? 1 : 0));
};

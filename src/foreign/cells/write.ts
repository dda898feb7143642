// Expressions as the lines of a cell: every gate is a line, weights are parameters named after the line they belong to.

import { numberText } from '../operators/activations.ts';
import { type CellLine, type Named, PartError } from '../part.ts';
import { contiguous, type Expression, type Leaf, operandsOf, type Spread, sameNumbers, type Term, type View } from './expression.ts';
import { isAligned, isCentred, isInput, isNormed, isPast, isPlain } from './forms.ts';
import { type Letter, Parameters } from './parameters.ts';
import { argumentOf, isGate, type RecognisedCell } from './recognise.ts';
import { orderOf, subscript } from './subscripts.ts';
import { elementwiseText, level, type Text } from './text.ts';

export interface Written {
  readonly lines: readonly CellLine[];
  readonly parameters: readonly Named[];
  /** The weight that each parameter is; a list of numbers where the equations themselves need one. */
  readonly weights: ReadonlyMap<string, Expression | Float32Array>;
  /** The lines of roots, by their names. */
  readonly roots: ReadonlyMap<string, string>;
}

/** What has to be a line: a state's next value under its name with a prime, or an output. */
export interface Root {
  readonly name: string;
  readonly of: Expression;
}

/** Writes a cell. `words`: what the file calls values, where that is a word. Throws PartError where something has no way to be written. */
export function writeCell(
  cell: RecognisedCell,
  roots: readonly Root[],
  names: ReadonlyMap<Leaf, string>,
  words: ReadonlyMap<Expression, string>,
): Written {
  // Twice, so that lines without a name of their own are numbered in their order.
  const first = new CellWriter(cell, roots, names, words);
  first.written();
  return first.numbered.length < 2 ? first.written() : new CellWriter(cell, roots, names, words, first.numbered).written();
}

class CellWriter {
  /** Lines without a name of their own, in order. */
  readonly numbered: Expression[] = [];
  #result: Written | undefined;
  readonly #names: ReadonlyMap<Leaf, string>;
  readonly #cell: RecognisedCell;
  readonly #roots: readonly Root[];
  /** Names that the file has for values, where they are words. */
  readonly #words: ReadonlyMap<Expression, string>;
  readonly #order: readonly Expression[];
  readonly #uses = new Map<Expression, number>();
  readonly #named = new Map<Expression, string>();
  readonly #lines: CellLine[] = [];
  readonly #written = new Map<Expression, { readonly name: string; readonly rank: number }>();
  readonly #taken = new Set<string>();
  readonly #parameters = new Parameters(this.#taken);
  /** Products around what is being written. */
  #depth = 0;
  /** Lines whose text is being written, the innermost last. */
  readonly #within: string[] = [];

  constructor(
    cell: RecognisedCell,
    roots: readonly Root[],
    names: ReadonlyMap<Leaf, string>,
    words: ReadonlyMap<Expression, string>,
    order: readonly Expression[] = [],
  ) {
    this.#order = order;
    this.#cell = cell;
    this.#roots = roots;
    this.#names = names;
    this.#words = words;
    for (const name of names.values()) this.#taken.add(name);
    for (const { name } of roots) this.#taken.add(name);
    for (const { of } of roots) this.#count(of);
  }

  written(): Written {
    this.#result ??= this.#write();
    return this.#result;
  }

  #write(): Written {
    const next = new Map<Expression, string>();
    for (const { name, of } of this.#roots) if (!next.has(of) && !isPlain(of)) next.set(of, name);
    for (const [of, name] of next) this.#named.set(of, name);
    for (const { of, name } of this.#cell.lines) if (!this.#named.has(of) && !isPlain(of)) this.#named.set(of, this.#free(name));
    for (const { of } of this.#cell.lines) if (this.#named.has(of)) this.#line(of);
    for (const { of } of this.#roots) if (this.#named.has(of)) this.#line(of);
    const roots = new Map<string, string>();
    for (const { name, of } of this.#roots) {
      const own = this.#written.get(of);
      roots.set(name, own?.name ?? name);
      if (own?.name === name || (own !== undefined && !name.endsWith("'"))) continue;
      this.#within.push(name);
      this.#lines.push({ name, text: this.#vector(this.#text(of)) });
      this.#within.pop();
      roots.set(name, name);
    }
    return {
      lines: this.#lines,
      parameters: this.#parameters.shapes,
      weights: this.#parameters.weights,
      roots,
    };
  }

  #count(of: Expression): void {
    const seen = this.#uses.get(of);
    this.#uses.set(of, (seen ?? 0) + 1);
    if (seen === undefined && !of.isWeight) for (const each of operandsOf(of)) this.#count(each);
  }

  /** Whether an expression that no one has named is a line of its own. */
  #isLine(of: Expression): boolean {
    if (this.#named.has(of)) return true;
    if (isPlain(of)) return false;
    if (of.kind === 'reduction' && of.name === 'softmax') return true;
    if (isGate(of)) return true;
    const net = argumentOf(of);
    if (net !== undefined && this.#hasProduct(net)) return true;
    return (this.#uses.get(of) ?? 0) > 1 && !this.#isShort(of);
  }

  /** Short enough to be written twice. */
  #isShort(of: Expression): boolean {
    if (of.kind === 'spread' || of.kind === 'view') return true;
    const isWord = (each: Expression): boolean => isPlain(each) || this.#isLine(each);
    if (of.kind === 'sum')
      return of.terms.length === 2 && of.terms.some((term) => term.of.kind === 'constant') && of.terms.every((term) => isWord(term.of));
    return of.kind === 'elementwise' && ['less', 'lessEqual', 'equal', 'not'].includes(of.name) && of.operands.every(isPlain);
  }

  /** Whether its text has a product with a weight in it, lines left out. */
  #hasProduct(of: Expression): boolean {
    if (of.isWeight || this.#named.has(of)) return false;
    if (of.kind === 'linear' || of.kind === 'matmul') return true;
    if (of.kind === 'sum' || of.kind === 'product') return operandsOf(of).some((each) => this.#hasProduct(each));
    return false;
  }

  #line(of: Expression): Text {
    const written = this.#written.get(of);
    if (written !== undefined) return { text: written.name, level: level.whole, rank: written.rank };
    const depth = this.#depth;
    this.#depth = 0;
    const isNamed = this.#named.has(of) || isGate(of) || argumentOf(of) !== undefined || (of.kind === 'reduction' && of.name === 'softmax');
    // What only one line is made of has its name from that.
    const isHelper = !isNamed && this.#isInner(of) && !this.#isSliced(of);
    const name = this.#named.get(of) ?? this.#free(this.#nameFor(of));
    this.#named.set(of, name);
    // Parameters are named after the gate that they help to make.
    this.#within.push(isHelper ? (this.#within.at(-1) ?? name) : name);
    const root = this.#roots.some((each) => each.name === name);
    const text = this.#own(of);
    const rank = root ? Math.max(1, text.rank) : text.rank;
    this.#within.pop();
    this.#depth = depth;
    const comment = this.#cell.lines.find((each) => each.of === of && each.name === name)?.comment;
    if (/^a\d+$/.test(name) && !root) this.numbered.push(of);
    const more = {
      ...(comment === undefined ? {} : { comment }),
      ...(this.#isAttention(of) ? { attention: true as const } : {}),
    };
    this.#lines.push({ name, text: root ? this.#vector(text) : text.text, ...more });
    this.#written.set(of, { name, rank });
    return { text: name, level: level.whole, rank };
  }

  /** What a gate is computed through, step by step. */
  #isInner(of: Expression): boolean {
    if (this.#words.has(of)) return false;
    return of.kind === 'linear' || (of.kind === 'sum' && (this.#hasProduct(of) || isCentred(of))) || isNormed(of);
  }

  /** Weights over places, by which something that is no weight of the file is added up. */
  #isAttention(of: Expression): boolean {
    if (of.kind !== 'reduction' || of.name !== 'softmax') return false;
    return [...this.#uses.keys()].some((user) => {
      if (user.kind === 'matmul') return weighs([user.a, user.b], of);
      return user.kind === 'reduction' && user.name === 'sum' && user.of.kind === 'product' && weighs(user.of.factors, of);
    });
  }

  #isSliced(of: Expression): boolean {
    let count = 0;
    for (const user of this.#uses.keys()) if (user.kind === 'view' && user.of === of) count += 1;
    return count > 1;
  }

  #nameFor(of: Expression): string {
    const word = this.#words.get(of);
    if (word !== undefined) return word;
    const line = this.#isSliced(of) ? '' : `_${this.#within.at(-1)?.replace("'", '') ?? ''}`;
    if (isCentred(of)) return `centred${line}`;
    if (of.kind === 'linear' || (of.kind === 'sum' && this.#hasProduct(of))) return `net${line}`;
    if (isNormed(of)) return `normed${line}`;
    const isAttention = (each: Expression): boolean => each.kind === 'matmul' && each.a.kind === 'reduction' && each.a.name === 'softmax';
    if (isAttention(of)) return 'context';
    if (this.#isAttention(of)) return 'weights';
    const place = this.#order.indexOf(of);
    for (let k = place < 0 ? 1 : place + 1; ; k += 1) if (!this.#taken.has(`a${k}`)) return `a${k}`;
  }

  #free(name: string): string {
    let free = name;
    for (let k = 2; this.#taken.has(free); k += 1) free = `${name}_${k}`;
    this.#taken.add(free);
    return free;
  }

  /** A state and an output are vectors, of one number too. */
  #vector({ text, rank }: Text): string {
    return rank === 0 ? `repeat(${text}, 1)` : text;
  }

  #text(of: Expression): Text {
    return this.#isLine(of) ? this.#line(of) : this.#own(of);
  }

  /** Written where something binds as tightly as `at`. */
  #in(of: Expression, at: number): Text {
    const own = this.#text(of);
    return own.level >= at ? own : { text: `(${own.text})`, level: level.whole, rank: own.rank };
  }

  #own(of: Expression): Text {
    if (of.isWeight && of.kind !== 'constant') return this.#weight(of, of.shape.length === 0 ? [1] : of.shape, this.#letter(of));
    switch (of.kind) {
      case 'constant':
        if (!Number.isFinite(of.value)) throw new PartError(`It computes with ${of.value}, which the equations have no way to write.`);
        return { text: numberText(of.value), level: of.value < 0 ? level.unary : level.whole, rank: 0 };
      case 'leaf':
        return { text: this.#names.get(of)!, level: level.whole, rank: Math.max(1, of.shape.length) };
      case 'view':
        return this.#view(of);
      case 'joined': {
        const parts = of.parts.map((part) => this.#vector(this.#text(part)));
        return { text: `[${parts.join('; ')}]`, level: level.whole, rank: 1 };
      }
      case 'sum':
        return this.#sum(of);
      case 'product': {
        const crossed = this.#crossed(of);
        if (crossed !== undefined) return crossed;
        const factors = this.#factors(of.factors).map((factor, k) => this.#factor(factor, k));
        return {
          text: factors.map(({ text }) => text).join(' * '),
          level: level.product,
          rank: Math.max(...factors.map(({ rank }) => rank)),
        };
      }
      case 'linear':
        return this.#linear(of);
      case 'matmul': {
        const [a, b] = [this.#in(of.a, level.whole), this.#in(of.b, level.whole)];
        return { text: `${a.text} @ ${b.text}`, level: level.product, rank: of.shape.length };
      }
      case 'elementwise':
        return elementwiseText(of, (operand, at) => this.#in(operand, at));
      case 'reduction':
        return this.#reduction(of);
      case 'spread':
        return this.#spread(of);
    }
  }

  #sum({ terms, shape }: Extract<Expression, { kind: 'sum' }>): Text {
    const ordered = this.#terms(terms).map(
      ({ sign, of }): Term =>
        of.kind === 'constant' && of.value < 0 ? { sign: -sign as 1 | -1, of: { ...of, value: -of.value } } : { sign, of },
    );
    const texts = ordered.map(({ sign, of }, k) => {
      const own = this.#in(of, sign < 0 || k > 0 ? level.product : level.sum);
      return { ...own, sign };
    });
    const text = texts.reduce(
      (all, { sign, text: own }, k) => (k === 0 ? (sign < 0 ? `-${own}` : own) : `${all} ${sign < 0 ? '-' : '+'} ${own}`),
      '',
    );
    const rank = Math.max(shape.length, ...texts.map((each) => each.rank));
    return texts.length === 1 ? { text, level: level.unary, rank } : { text, level: level.sum, rank };
  }

  /** Products with the input, with states, what is computed otherwise, and the bias; one that is added before one that is taken off. */
  #terms(terms: readonly Term[]): Term[] {
    const leading = [...this.#cell.leading.values()];
    const rank = ({ of, sign }: Term): number => {
      if (leading.includes(of) && terms.some((term) => term.of === of)) return sign < 0 ? 5 : 0;
      if (of.kind === 'linear') return isInput(of.vector) ? 1 : isPast(of.vector) ? 2.5 : 2;
      if (of.kind === 'constant') return terms.every((term) => term.of === of || term.sign < 0) ? 0 : 6;
      if (of.isWeight) return 4;
      return isInput(of) ? 1 : of.kind === 'product' && this.#hasProduct(of) ? 5 : 3;
    };
    const sorted = [...terms].sort((a, b) => rank(a) - rank(b));
    const [first] = sorted;
    if (first!.sign > 0) return sorted;
    const positive = sorted.find(({ sign }) => sign > 0);
    return positive === undefined ? sorted : [positive, ...sorted.filter((term) => term !== positive)];
  }

  /** A product of which one factor goes down the rows and has no place in the language's broadcasting: with one along the columns it is an outer
   *  product, else the matrix is turned for it. */
  #crossed({ factors, shape }: Extract<Expression, { kind: 'product' }>): Text | undefined {
    if (shape.length !== 2) return undefined;
    const down = factors.find((each) => each.kind === 'spread' && each.axes.length === 1 && each.axes[0] === 0);
    if (down?.kind !== 'spread') return undefined;
    const along = factors.find((each) => each.kind === 'spread' && each.axes.length === 1 && each.axes[0] === 1);
    const rest = factors.filter((each) => each !== down && each !== along);
    const whole = (text: string): Text => ({ text, level: level.whole, rank: 2 });
    if (along?.kind === 'spread') {
      const outer = whole(`outer(${this.#text(down.of).text}, ${this.#text(along.of).text})`);
      const others = this.#factors(rest).map((factor, k) => this.#factor(factor, k).text);
      return others.length === 0 ? outer : { text: [...others, outer.text].join(' * '), level: level.product, rank: 2 };
    }
    if (isAligned(down)) return undefined;
    const others = this.#factors(rest).map((factor, k) => {
      const own = this.#factor(factor, k === 0 ? 1 : k);
      return factor.shape.length === 2 ? `${own.text}.T` : own.text;
    });
    return whole(`(${[...others, this.#in(down.of, level.unary).text].join(' * ')}).T`);
  }

  #factors(factors: readonly Expression[]): Expression[] {
    const places = new Map(this.#cell.lines.map(({ of }, k) => [of, k / 100]));
    const rank = (of: Expression): number => {
      if (of.kind === 'constant') return 0;
      if (of.isWeight) return 1;
      if (factors.length === 2 && of.kind === 'sum' && of.terms.some((term) => term.of.kind === 'constant') && of.terms.length === 2)
        return 2;
      if (places.has(of)) return 3 + places.get(of)!;
      if (this.#isLine(of)) return 4;
      return isPlain(of) ? 5 : 6;
    };
    return [...factors].sort((a, b) => rank(a) - rank(b));
  }

  #factor(of: Expression, place: number): Text {
    const isInner = !this.#isLine(of);
    if (isInner) this.#depth += 1;
    const own = this.#text(of);
    if (isInner) this.#depth -= 1;
    if (of.kind === 'product' && own.level === level.product && !this.#written.has(of)) return own;
    const isTight = of.kind !== 'linear' && of.kind !== 'matmul' && own.level >= (place === 0 ? level.product : level.unary);
    const isPart = this.#written.has(of) || isTight;
    return isPart ? own : { text: `(${own.text})`, level: level.whole, rank: own.rank };
  }

  #linear(of: Extract<Expression, { kind: 'linear' }>): Text {
    const vector = this.#in(of.vector, level.unary);
    const letter = isPast(of.vector) ? 'U' : 'W';
    if (vector.rank === 0) {
      const weight = this.#weight(of.matrix, [of.rows], letter);
      return { text: `${weight.text} * ${vector.text}`, level: level.product, rank: 1 };
    }
    const weight = this.#weight(of.matrix, [of.rows, of.columns], letter);
    return { text: `${weight.text} @ ${vector.text}`, level: level.product, rank: 1 };
  }

  #reduction({ name, of, axis, shape }: Extract<Expression, { kind: 'reduction' }>): Text {
    const keeps = name === 'softmax' || name === 'cumsum';
    const isWhole = of.shape.length <= 1 || (axis === undefined && !keeps) || (name === 'softmax' && axis === of.shape.length - 1);
    if (!isWhole) throw new PartError(`It takes the ${name} of a matrix along one of its axes, which the equations have no way to write.`);
    return { text: `${name}(${this.#text(of).text})`, level: level.whole, rank: shape.length };
  }

  #spread(spread: Spread): Text {
    const { of, shape } = spread;
    if (!isAligned(spread))
      throw new PartError(
        `It spreads [${of.shape.join(', ')}] over [${shape.join(', ')}] in a way that the equations have no way to write.`,
      );
    return this.#text(of);
  }

  #view(view: View): Text {
    const { of, offset, strides, shape } = view;
    if (of.kind === 'joined' && shape.length === 2 && of.parts.every((part) => part.shape.length === 1 && part.shape[0] === shape[1])) {
      const isWhole = offset === 0 && sameNumbers(strides, contiguous(shape)) && of.parts.length === shape[0];
      if (isWhole) return { text: `[${of.parts.map((part) => this.#text(part).text).join(', ')}]`, level: level.whole, rank: 2 };
    }
    const base = isPlain(of) && of.kind === 'leaf' ? this.#own(of) : this.#line(of);
    const name = base.text;
    const whole = (text: string): Text => ({ text, level: level.whole, rank: shape.length });
    if (of.shape.length === 0) return base;
    const picked = subscript(view);
    if (picked !== undefined) return whole(`${name}${picked}`);
    if (of.shape.length === 1 && shape.length === 1) {
      const order = this.#parameter('P', [shape[0]!, of.shape[0]!], orderOf(view), `order ${of.id} ${offset} ${strides[0]}`);
      return { text: `${order} @ ${name}`, level: level.product, rank: 1 };
    }
    throw new PartError(`It lays out [${of.shape.join(', ')}] anew as [${shape.join(', ')}], which the equations have no way to write.`);
  }

  /** A bias is added, one inside of a product has another letter, a peephole or gain multiplies. */
  #letter(of: Expression): Letter {
    return !this.#isAdded(of) ? 'p' : this.#depth > 0 ? 'd' : 'b';
  }

  #isAdded(of: Expression): boolean {
    for (const user of this.#uses.keys()) if (user.kind === 'sum' && user.terms.some((term) => term.of === of)) return true;
    return false;
  }

  #weight(of: Expression, shape: readonly number[], letter: Letter): Text {
    return { text: this.#parameter(letter, shape, of, String(of.id)), level: level.whole, rank: shape.length };
  }

  #parameter(letter: Letter, shape: readonly number[], of: Expression | Float32Array, key: string): string {
    const line = this.#within.at(-1)!.replace("'", '');
    const isOnly = this.#cell.kind === 'rnn' && this.#within.length === 1 && /'$|^h_new$/.test(this.#within[0]!);
    return this.#parameters.name(key, { letter, shape, of, line: isOnly ? undefined : line, keepsName: this.#cell.kind === 'cell' });
  }
}

/** Whether one of two factors is these weights, whatever their axes, and the other is no weight of the file. */
function weighs(factors: readonly Expression[], weights: Expression): boolean {
  // What sees nothing has weights of zero.
  const isKept = (each: Expression): each is Extract<Expression, { kind: 'elementwise' }> =>
    each.kind === 'elementwise' && each.name === 'where' && each.operands[2]?.kind === 'constant' && each.operands[2].value === 0;
  const bare = (each: Expression): Expression =>
    each.kind === 'view' || each.kind === 'spread' ? bare(each.of) : isKept(each) ? bare(each.operands[1]!) : each;
  const others = factors.filter((each) => bare(each) !== weights);
  return others.length === factors.length - 1 && others.length > 0 && others.some((each) => !each.isWeight && each.kind !== 'constant');
}

import assert from 'node:assert/strict';
import { tensor } from '../../src/graph/graph.ts';
import { sumByClass } from '../../src/graph/passes/classes.ts';
import { regroupFactors } from '../../src/graph/passes/factors.ts';
import { hoist } from '../../src/graph/passes/hoist.ts';
import { joinProducts } from '../../src/graph/passes/join.ts';
import { mergeProducts } from '../../src/graph/passes/merge.ts';
import { pull } from '../../src/graph/passes/pull.ts';
import { reuseProducts } from '../../src/graph/passes/reuse.ts';
import { simplify } from '../../src/graph/passes/simplify.ts';
import { after, axis, B, H, I, inEach, loop, S, T, V } from './passes.ts';

/** The text of a graph, a line a node. */
const lines = (...text: string[]): string => text.join('\n');

describe('simplify', () => {
  it('computes once what is the same', () => {
    const text = after(simplify, (b, float) => {
      const x = float('x', B, H);
      return [b.plus(b.exp(x), b.exp(x))];
    });
    assert.equal(text, lines('%1: [B, H=3] = exp(x)', '%2: [B, H=3] = add(%1, %1)'));
  });
  it('leaves out what does nothing', () => {
    const text = after(simplify, (b, float) => {
      const x = b.neg(b.neg(float('x', B, H)));
      const y = b.plus(b.times(x, b.constant(1)), b.constant(0));
      return [b.rename(b.rename(y, 'H', 'I'), 'I', 'H'), b.over(b.constant(1), b.constant(4))];
    });
    assert.equal(text, lines('%1: [] = constant(value: 0.25)'));
  });
  it('chooses once by one condition', () => {
    const text = after(simplify, (b, float) => {
      const [x, zero] = [float('x', B, H), b.constant(0)];
      const isPositive = b.binary('less', zero, float('y', B));
      return [
        b.where(isPositive, b.where(isPositive, x, zero), zero),
        b.where(isPositive, b.where(isPositive, x, float('w', B, H, I)), zero),
      ];
    });
    assert.equal(
      text,
      lines(
        '%1: [] = constant(value: 0)',
        '%2: bool [B] = less(%1, y)',
        '%3: [B, H=3] = where(%2, x, %1)',
        '%4: [B, H=3, I=2] = where(%2, x, w)',
        '%5: [B, H=3, I=2] = where(%2, %4, %1)',
      ),
    );
  });
  it('moves signs outwards and draws common factors out', () => {
    const text = after(simplify, (b, float) => {
      const [w, x, y] = [float('w', B), float('x', B, H), float('y', B, H)];
      return [b.plus(b.times(w, x), b.times(b.neg(w), y))];
    });
    assert.equal(text, lines('%1: [B, H=3] = sub(x, y)', '%2: [B, H=3] = mul(w, %1)'));
  });
  it('gives pieces of joins, joins of all pieces, and drops broadcasts that another operand covers', () => {
    const text = after(simplify, (b, float) => {
      const [x, y] = [float('x', B, H), float('y', B, I)];
      const both = axis('both', 5);
      const joined = b.concat([x, y], ['H', 'I'], both);
      const pieces = [b.slice(joined, 'both', 0, H), b.slice(joined, 'both', 3, I)];
      return [b.exp(pieces[1]!), b.exp(b.concat(pieces, ['H', 'I'], both)), b.times(x, b.broadcast(float('z', B), H))];
    });
    assert.equal(
      text,
      lines(
        '%1: [B, both=5] = concat(x, y, from: H I, to: both=5)',
        '%2: [B, I=2] = exp(y)',
        '%3: [B, both=5] = exp(%1)',
        '%4: [B, H=3] = mul(x, z)',
      ),
    );
  });
  it('gives a loop what it reads twice once', () => {
    const text = after(simplify, (b, float) => {
      const x = float('x', T, B, H);
      return loop(b, { scanned: [x, x], held: [], state: float('h', B, H) }, (body, [p, q], h) => ({
        next: body.plus(body.times(p!, q!), h),
      }));
    });
    assert.equal(
      text,
      lines(
        '%1: [T, B, H=3], %2: [B, H=3] = recur over T, scanned (x), held (), states (h)',
        '  given x: [B, H=3], h: [B, H=3]',
        '  %1: [B, H=3] = mul(x, x)',
        '  %2: [B, H=3] = add(%1, h)',
        '  result %2, %2',
      ),
    );
  });
});

describe('join', () => {
  it('makes a sum of products one product, its addend last', () => {
    const text = after(inEach(joinProducts), (b, float) => {
      const given = {
        scanned: [float('x', T, B, I)],
        held: [float('W', H, I), float('U', H, axis('J', 3)), float('b', H)],
        state: float('h', B, H),
      };
      return loop(b, given, (body, [x, W, U, bias], h) => {
        const product = body.plus(body.contract(W!, x!, ['I']), bias!);
        return { next: body.tanh(body.plus(product, body.contract(U!, body.rename(h, 'H', 'J'), ['J']))) };
      });
    });
    assert.equal(
      text,
      lines(
        '%1: [T, H=3, B], %2: [B, H=3] = recur over T, scanned (x), held (W, U, b), states (h)',
        '  given x: [B, I=2], W: [H=3, I=2], U: [H=3, J=3], b: [H=3], h: [B, H=3]',
        '  %1: [H=3, I+J=5] = concat(W, U, from: I J, to: I+J=5)',
        '  %2: [B, I+H=5] = concat(x, h, from: I H, to: I+H=5)',
        '  %3: [B, I+J=5] = rename(%2, from: I+H, to: I+J)',
        '  %4: [H=3, B] = contract(%1, %3, over: I+J)',
        '  %5: [H=3, B] = add(%4, b)',
        '  %6: [H=3, B] = tanh(%5)',
        '  result %6, %6',
      ),
    );
  });
  it('sums apart what does not need the state, where no product does', () => {
    const text = after(inEach(joinProducts), (b, float) => {
      const given = { scanned: [float('x', T, B, I)], held: [float('W', H, I), float('b', H)], state: float('h', B, H) };
      return loop(b, given, (body, [x, W, bias], h) => ({
        next: body.plus(body.plus(body.contract(W!, x!, ['I']), body.tanh(h)), bias!),
      }));
    });
    assert.equal(
      text,
      lines(
        '%1: [T, H=3, B], %2: [B, H=3] = recur over T, scanned (x), held (W, b), states (h)',
        '  given x: [B, I=2], W: [H=3, I=2], b: [H=3], h: [B, H=3]',
        '  %1: [H=3, B] = contract(W, x, over: I)',
        '  %2: [B, H=3] = tanh(h)',
        '  %3: [H=3, B] = add(%1, b)',
        '  %4: [H=3, B] = add(%3, %2)',
        '  result %4, %4',
      ),
    );
  });
});

describe('merge', () => {
  it('makes gates one product, with bias and sigmoid', () => {
    const text = after(inEach(mergeProducts), (b, float) => {
      const x = float('x', B, I);
      const gate = (name: string) => b.sigmoid(b.plus(b.contract(float(`W_${name}`, H, I), x, ['I']), float(`b_${name}`, H)));
      return [b.times(gate('f'), gate('i'))];
    });
    assert.equal(
      text,
      lines(
        '%1: [H+H=6, I=2] = concat(W_f, W_i, from: H H, to: H+H=6)',
        '%2: [H+H=6, B] = contract(%1, x, over: I)',
        '%3: [H+H=6] = concat(b_f, b_i, from: H H, to: H+H=6)',
        '%4: [H+H=6, B] = add(%2, %3)',
        '%5: [H+H=6, B] = sigmoid(%4)',
        '%6: [H=3, B] = slice(%5, from: H+H, start: 0, to: H=3)',
        '%7: [H=3, B] = slice(%5, from: H+H, start: 3, to: H=3)',
        '%8: [H=3, B] = mul(%6, %7)',
      ),
    );
  });
  it('keeps apart what another function follows, and what needs the other product', () => {
    const text = after(inEach(mergeProducts), (b, float) => {
      const U = float('U', H, axis('J', 3));
      const x = float('x', B, H);
      const first = b.contract(U, b.rename(x, 'H', 'J'), ['J']);
      return [b.contract(U, b.rename(b.tanh(first), 'H', 'J'), ['J'])];
    });
    assert.equal(
      text,
      lines(
        '%1: [B, J=3] = rename(x, from: H, to: J)',
        '%2: [H=3, B] = contract(U, %1, over: J)',
        '%3: [H=3, B] = tanh(%2)',
        '%4: [J=3, B] = rename(%3, from: H, to: J)',
        '%5: [H=3, B] = contract(U, %4, over: J)',
      ),
    );
  });
});

describe('factors', () => {
  it('are one, where the state is not among them', () => {
    const text = after(inEach(regroupFactors), (b, float) => {
      const given = { scanned: [float('x', T, B, H), float('y', T, B, H)], held: [], state: float('h', B, H) };
      return loop(b, given, (body, [x, y], h) => ({ next: body.times(body.times(x!, h), y!) }));
    });
    assert.equal(
      text,
      lines(
        '%1: [T, B, H=3], %2: [B, H=3] = recur over T, scanned (x, y), held (), states (h)',
        '  given x: [B, H=3], y: [B, H=3], h: [B, H=3]',
        '  %1: [B, H=3] = mul(x, y)',
        '  %2: [B, H=3] = mul(h, %1)',
        '  result %2, %2',
      ),
    );
  });
});

describe('hoist', () => {
  it('takes a product of all timesteps, and what is held, out of the loop', () => {
    const text = after(inEach(hoist), (b, float) => {
      const given = { scanned: [float('x', T, B, I)], held: [float('W', H, I), float('b', H)], state: float('h', B, H) };
      return loop(b, given, (body, [x, W, bias], h) => ({
        next: body.plus(h, body.plus(body.contract(W!, x!, ['I']), body.exp(bias!))),
        outputs: [h, body.exp(x!)],
      }));
    });
    assert.equal(
      text,
      lines(
        '%1: [H=3, T, B] = contract(W, x, over: I)',
        '%2: [H=3] = exp(b)',
        '%3: [H=3, T, B] = add(%1, %2)',
        '%4: [T, B, I=2] = exp(x)',
        '%5: [T, B, H=3], %6: [B, H=3] = recur over T, scanned (%3), held (), states (h)',
        '  given %1: [H=3, B], h: [B, H=3]',
        '  %2: [B, H=3] = add(h, %1)',
        '  result h, %2',
      ),
    );
  });
});

describe('hoist, where a step has a sequence of its own', () => {
  const lines_ = (isRead: boolean): string =>
    after(inEach(hoist), (b, float) => {
      const seen = float('seen', T, S, B);
      return loop(b, { scanned: [seen], held: [float('v', H)], state: float('h', B, H) }, (body, [each, v], h) => {
        const squares = body.times(each!, each!);
        const wide = body.times(squares, v!);
        return { next: body.plus(h, body.sum(body.times(wide, h), ['S'])), outputs: isRead ? [squares] : [h] };
      });
    });
  it('leaves it in the loop, which has it in the cache', () => {
    assert.equal(
      lines_(false),
      lines(
        '%1: [T, B, H=3], %2: [B, H=3] = recur over T, scanned (seen), held (v), states (h)',
        '  given seen: [S, B], v: [H=3], h: [B, H=3]',
        '  %1: [S, B] = mul(seen, seen)',
        '  %2: [S, B, H=3] = mul(%1, v)',
        '  %3: [S, B, H=3] = mul(%2, h)',
        '  %4: [B, H=3] = sum(%3, over: S)',
        '  %5: [B, H=3] = add(h, %4)',
        '  result h, %5',
      ),
    );
  });
  it('takes out what is read outside, and leaves the rest', () => {
    const text = lines_(true);
    assert.match(text, /^%1: \[T, S, B\] = mul\(seen, seen\)/m);
    assert.match(text, /^ {2}%\d: \[S, B, H=3\] = mul/m);
  });
});

describe('pull', () => {
  it('takes joins of a loop’s outputs and inputs, and another loop’s factors, into the loop', () => {
    const text = after(inEach(pull), (b, float) => {
      const x = float('x', T, B, I);
      const [h] = loop(b, { scanned: [x], held: [], state: float('h', B, H) }, (body, [given], state) => ({
        next: body.plus(state, body.sum(given!, ['I'])),
        outputs: [state],
      }));
      const joined = b.concat([x, h!], ['I', 'H'], axis('both', 5));
      const factor = b.minus(b.constant(1), h!);
      return [
        b.sum(joined, ['T']),
        ...loop(b, { scanned: [factor], held: [], state: float('g', B, H) }, (body, [f], g) => ({ next: body.times(f!, g) })),
      ];
    });
    assert.equal(
      text,
      lines(
        '%1: [T, B, both=5], %2: [T, B, H=3], %3: [B, H=3] = recur over T, scanned (x), held (), states (h)',
        '  given x: [B, I=2], h: [B, H=3]',
        '  %1: [B] = sum(x, over: I)',
        '  %2: [B, H=3] = add(h, %1)',
        '  %3: [B, I+H=5] = concat(x, h, from: I H, to: I+H=5)',
        '  %4: [B, both=5] = rename(%3, from: I+H, to: both)',
        '  %5: [] = constant(value: 1)',
        '  %6: [B, H=3] = sub(%5, h)',
        '  result %4, %6, %2',
        '%4: [B, both=5] = sum(%1, over: T)',
        '%5: [T, B, H=3], %6: [B, H=3] = recur over T, scanned (%2), held (), states (g)',
        '  given %1: [B, H=3], g: [B, H=3]',
        '  %2: [B, H=3] = mul(%1, g)',
        '  result %2, %2',
      ),
    );
  });
});

describe('reuse', () => {
  it('writes derivatives of gates by the products that are there', () => {
    const text = after(inEach(reuseProducts), (b, float) => {
      const given = { scanned: [float('i', T, B, H), float('g', T, B, H)], held: [], state: float('c', B, H) };
      return loop(b, given, (body, [i, g], c) => {
        const stored = body.times(i!, g!);
        const one = body.constant(1);
        return {
          next: body.plus(c, stored),
          outputs: [body.times(body.times(g!, i!), body.minus(one, i!)), body.times(i!, body.minus(one, body.times(g!, g!)))],
        };
      });
    });
    assert.equal(
      text,
      lines(
        '%1: [T, B, H=3], %2: [T, B, H=3], %3: [B, H=3] = recur over T, scanned (i, g), held (), states (c)',
        '  given i: [B, H=3], g: [B, H=3], c: [B, H=3]',
        '  %1: [B, H=3] = mul(i, g)',
        '  %2: [] = constant(value: 1)',
        '  %3: [B, H=3] = add(c, %1)',
        '  %4: [B, H=3] = sub(%2, i)',
        '  %5: [B, H=3] = mul(%4, %1)',
        '  %6: [B, H=3] = mul(%1, g)',
        '  %7: [B, H=3] = sub(i, %6)',
        '  result %5, %7, %3',
      ),
    );
  });
});

describe('sums by class', () => {
  it('change places with products', () => {
    const text = after(inEach(sumByClass), (b, float) => {
      const ids = b.parameter(tensor([T, B], 'int'), 'ids');
      const dz = float('dz', T, B, H);
      const rows = b.gather(float('table', V, I), ids, 'V');
      return [b.contract(dz, rows, ['T', 'B']), b.scatterAdd(b.contract(dz, float('W', H, I), ['H']), ids, V)];
    });
    assert.equal(
      text,
      lines(
        '%1: [V=5, H=3] = scatterAdd(dz, ids, axis: V=5)',
        '%2: [H=3, I=2] = contract(%1, table, over: V)',
        '%3: [V=5, I=2] = contract(%1, W, over: H)',
      ),
    );
  });
});

// Syntax errors: place and message; and expressions with their precedence.

import assert from 'node:assert/strict';
import type { Expression } from '../../src/language/generated/ast.ts';
import { parseExpression, parseFile } from '../../src/language/parser/parser.ts';
import { assertFaults, marked } from './marks.ts';

const cases: readonly (readonly [title: string, text: string, ...messages: (string | RegExp)[]])[] = [
  [
    'an unclosed bracket',
    "cell a(x: [I], size H) {\n  state h: [H]\n  f  = sigmoid«(»W @ x + U @ h\n  h' = f * h\n}\n",
    'This `(` is not closed: `)` is missing.',
  ],
  ['a dangling operator', 'cell a(x: [I]) {\n  f = W @ x +«\n»  g = tanh(f)\n}\n', '`+` needs a value after it, but the line ends.'],
  ['an empty right side', 'cell a(x: [I]) {\n  f =«\n»  g = tanh(f)\n}\n', 'This equation has no right side.'],
  [
    'a missing brace',
    'cell a(x: [I]) «{»\n  f = tanh(x)\n\nmodel M(input: [T] of Char) {\n  y = a(input)\n}\n',
    'This `{` is not closed: `}` is missing before line 4.',
  ],
  [
    'two values side by side',
    'cell a(x: [I]) {\n  f = W «x»\n  g = tanh(f)\n}\n',
    '`W` and `x` stand side by side: is it `W * x`, `W @ x`, or two lines?',
  ],
  ['a setting with =', 'train M on d {\n  epochs «=» 5\n  batch: 3\n}\n', 'A setting takes a colon: `epochs: ...`.'],
  ['a setting without colon', 'train M on d {\n  epochs «5»\n  batch: 3\n}\n', 'A setting takes a colon: `epochs: ...`.'],
  [
    'a named argument with =',
    'model M(x: [T, 2]) {\n  h = lstm(x, 256, layers«=»2)\n}\n',
    'A named argument takes a colon: `layers: ...`.',
  ],
  [
    'the signs of other notations',
    'cell a(x: [I]) {\n  f = i «⊙» g\n  h = x «^» 2\n}\n',
    'The elementwise product is written `*`.',
    'A power is written `**`.',
  ],
  ['a double prime', "cell a(x: [I]) {\n  h'«'» = x\n}\n", "One `'` is enough: `h'` is the state at the next step."],
  ['a place on the left', 'cell a(x: [I]) {\n  f«[»0] = x\n  g = f\n}\n', 'A line gives a value to a whole name: `f[...]` cannot be set.'],
  ['an unclosed text', 'data d = text(«"»shakespeare.txt, by: char)\ntrain M on d { epochs: 5 }\n', /^This text is not closed/],
  ['size without a name', 'cell a(x: [I], «size») {\n  y = x\n}\n', '`size` needs a name: `size H`.'],
  [
    'a parameter without its shape',
    'cell a(x: [I], size H) {\n  param W «=» 3, b: [H]\n  y = W @ x\n}\n',
    '`W` needs its shape: `W: [H]`.',
  ],
  ['Python at the top', '«import» torch\nmodel M(x: [T, 2]) {\n  y = x\n}\n', /^Cells of another file are brought in by/],
  ['a loop', 'cell a(x: [I]) {\n  for «t» in x {\n    y = t\n  }\n}\n', /^There are no loops/],
  ['return', 'cell a(x: [I]) {\n  y = x\n  return «y»\n}\n', /^There is no `return`/],
  ['a comment of another language', 'cell a(x: [I]) {\n  y = x  «#» double\n}\n', 'A comment begins with `//`.'],
  ['a bracket that closes nothing', 'cell a(x: [I]) {\n  y = x«)»\n}\n', 'This `)` closes nothing.'],
  [
    'several at once',
    'cell a(x: [I], size H) {\n  f = tanh«(»\n  g = «*» 3\n  h = f + g«)»\n  k = f\n}\nmodel M(x: [T]) {\n  y = a«(»x, 3\n}\n',
    /not closed/,
    /needs a value before it/,
    /closes nothing/,
    /not closed/,
  ],
];

/** Whatever comes before and after, the fault is where it is, and the rest of the file is there. */
const around = (text: string): string => `cell before(x: [I]) {\n  y = x\n}\n\n${text}\ncell after(x: [I]) {\n  y = x\n}\n`;

describe('syntax errors', () => {
  for (const [title, source, ...messages] of cases)
    it(title, () => {
      const { text, marks } = marked(source);
      assertFaults({ text, marks }, parseFile(text, 'main.rnn').faults, messages);
    });

  const between: readonly (readonly [title: string, text: string, message: string])[] = [
    ['a member without its name', 'model M(x: [T, 2]) {\n  y = x.«\n»  z = y\n}\n', 'After `.` the name of a field is missing.'],
    ['data without =', 'data d «text»("a.txt")\n', 'Here `=` is missing: `data name = text("book.txt", by: char)`.'],
    [
      'a comma that is missing',
      'data d = text("a.txt" «by»: char)\n',
      '`"a.txt"` and `by` stand side by side: is a comma missing between them?',
    ],
    ['a shape that is missing', 'cell c(x: [I]) {\n  state h «[»I]\n  y = x\n}\n', '`h` needs its shape: `h: [H]`.'],
    ['a value that is missing', 'model M(x: [T, 2]) {\n  y = f(x,«)»\n  z = y\n}\n', 'Here a value was expected, but `)` was found.'],
  ];
  for (const [title, source, message] of between)
    it(`${title}, between others`, () => {
      const { text, marks } = marked(around(source));
      const { tree, faults } = parseFile(text, 'main.rnn');
      assertFaults({ text, marks }, faults, [message]);
      assert.deepEqual(
        tree.items.flatMap((item) => (item.$type === 'Cell' && item.name !== 'c' ? [item.name] : [])),
        ['before', 'after'],
      );
    });

  it('a file with nothing in it is a file', () => {
    for (const text of ['', '\n\n', '// nothing\n', '/* nothing */']) assert.deepEqual(parseFile(text, 'main.rnn').faults, []);
  });

  it('lines go on where a bracket is open or an operator says so', () => {
    const text = 'cell a(x: [I],\n  size H) {\n  y = (x +\n    x)\n  z = y\n    + x\n  w = [x;\n    y]\n}\n';
    assert.deepEqual(parseFile(text, 'main.rnn').faults, []);
  });

  it('Windows line ends and words that are names elsewhere', () => {
    const text = 'cell model(size: [I], one: [I]) {\r\n  data = size + one\r\n  orthogonal = data\r\n}\r\n';
    const { tree, faults } = parseFile(text, 'main.rnn');
    assert.deepEqual(faults, []);
    assert.equal(tree.items[0]!.$type, 'Cell');
  });

  it('names in any script, in one normal form', () => {
    const { tree, faults } = parseFile('cell größe(σ: [I]) {\n  W\u2081 = σ\n  e\u0301 = W\u2081\n}\n', 'main.rnn');
    assert.deepEqual(faults, []);
    const [cell] = tree.items;
    assert.deepEqual(cell?.$type === 'Cell' && cell.lines.map((line) => line.$type === 'Equation' && line.name), ['W₁', 'é']);
  });
});

describe('expressions', () => {
  const texts: readonly (readonly [string, string])[] = [
    ['mean(f) < 0.1', '(mean(f) < 0.1)'],
    ['t == 40', '(t == 40)'],
    ["norm(grad(c)) > 1e3 or any(isnan(h'))", "((norm(grad(c)) > 1000) or any(isnan(h')))"],
    ['0.1 < mean(f) < 0.9', '((0.1 < mean(f)) < 0.9)'],
    ['at(c[17], t - 1)', 'at(c[17], (t - 1))'],
    ['h[1].forward.f[0:8]', 'h[1].forward.f[0:8]'],
    ['-x ** 2 + a @ b @ c / sqrt(K)', '((-(x ** 2)) + (((a @ b) @ c) / sqrt(K)))'],
    ['x ** -2 ** y', '(x ** (-(2 ** y)))'],
    ['not causal or range(S) <= t', '((not causal) or (range(S) <= t))'],
    ['not t == 4', '(not (t == 4))'],
    ['t % 10 == 0 and token == "e"', '(((t % 10) == 0) and (token == "e"))'],
    ['[y; context]', '[y; context]'],
    ['(a + b) * 10_000', '((a + b) * 10000)'],
    ['h.W_f.T', 'h.W_f.T'],
  ];
  for (const [text, expected] of texts)
    it(text, () => {
      const { tree, faults } = parseExpression(text);
      assert.deepEqual(faults, []);
      assert.equal(print(tree), expected);
    });

  it('what is no expression says so', () => {
    for (const text of ['mean(f) <', 'f(', 'h.', '', 'a b']) assert.equal(parseExpression(text).faults.length, 1, text);
  });
});

/** With every bracket. */
function print(node: Expression): string {
  switch (node.$type) {
    case 'Binary':
    case 'Logical':
      return `(${print(node.left)} ${node.operator} ${print(node.right)})`;
    case 'Unary':
      return `(${node.operator}${node.operator === 'not' ? ' ' : ''}${print(node.operand)})`;
    case 'Power':
      return `(${print(node.base)} ** ${print(node.exponent)})`;
    case 'Member':
      return `${print(node.object)}.${node.member}`;
    case 'Subscript':
      return `${print(node.object)}[${node.subscripts.map((slice) => `${slice.from ? print(slice.from) : ''}${slice.range ? ':' : ''}${slice.to ? print(slice.to) : ''}`).join(', ')}]`;
    case 'Call':
      return `${print(node.callee)}(${node.arguments.map(({ name, value }) => `${name === undefined ? '' : `${name}: `}${print(value)}`).join(', ')})`;
    case 'Reference':
      return node.name + (node.next ? "'" : '');
    case 'Brackets':
      return `[${node.parts.map(print).join(node.joined ? '; ' : ', ')}]`;
    case 'Parentheses':
      return print(node.inner);
    case 'StringLiteral':
      return JSON.stringify(node.value);
    default:
      return `${node.value}`;
  }
}

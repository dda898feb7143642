import assert from 'node:assert/strict';
import type { LineRole } from '../../src/shared/source.ts';
import type { InstanceDescription } from '../../src/shared/trace.ts';
import { rowsOf, scaled } from '../../src/views/rows.ts';
import { structureOf } from '../../src/views/structure.ts';

const range = { uri: '', start: { line: 0, column: 0 }, end: { line: 0, column: 0 } };

/** A cell from lines `name = text // comment`, with roles by what stands around the text. */
function cell(source: string, units = 4): InstanceDescription {
  const lines = source
    .trim()
    .split('\n')
    .map((line) => {
      const [, name, text, comment] = /^\s*(\S+)\s*=\s*(.*?)\s*(?:\/\/\s*(.*))?$/.exec(line)!;
      const role: LineRole = name!.endsWith("'")
        ? 'state'
        : text!.startsWith('sigmoid')
          ? 'gate'
          : text!.startsWith('tanh')
            ? 'candidate'
            : 'value';
      return {
        name: name!,
        role,
        shape: [units],
        dimensions: ['H'],
        perStep: true,
        range,
        text: text!,
        ...(comment === undefined ? {} : { comment }),
      };
    });
  const states = lines.filter(({ role }) => role === 'state').map(({ name }) => ({ name: name.slice(0, -1), shape: [units] }));
  return { path: 'h', cell: 'cell', definition: range, runs: true, reverse: false, lines, states, inputs: [], weights: [] };
}

const LSTM = `
  f  = sigmoid(W_f @ x + U_f @ h + b_f)   // forget gate: what to keep of the cell
  i  = sigmoid(W_i @ x + U_i @ h + b_i)
  g  = tanh(W_g @ x + U_g @ h + b_g)
  o  = sigmoid(W_o @ x + U_o @ h + b_o)
  c' = f * c + i * g
  h' = o * tanh(c')`;

describe('structure of a cell', () => {
  it('finds the memory of an LSTM and what it shows', () => {
    assert.deepEqual(structureOf(cell(LSTM)), {
      kind: 'additive',
      memory: 'c',
      keep: 'f',
      store: 'i',
      candidate: 'g',
      output: { gate: 'o', state: 'h' },
    });
  });

  it('reads equations, not names or the order of factors', () => {
    const own = cell(
      `
      hold = sigmoid(A @ x)
      new  = tanh(B @ x)
      add  = sigmoid(C @ x)
      out  = sigmoid(D @ x)
      m'   = (new) * add + m * hold`.replace('(new)', 'new'),
    );
    assert.deepEqual(structureOf(own), { kind: 'additive', memory: 'm', keep: 'hold', store: 'add', candidate: 'new' });
  });

  for (const [text, inverted] of [
    ['(1 - z) * n + z * h', false],
    ['z * h + (1 - z) * n', false],
    ['n * (1-z) + h * z', false],
    ['z * n + (1 - z) * h', true],
  ] as const) {
    it(`finds the interpolation ${text}`, () => {
      const gru = cell(`r = sigmoid(W @ x)\nz = sigmoid(W @ x)\nn = tanh(W @ x + r * (U @ h))\nh' = ${text}`);
      assert.deepEqual(structureOf(gru), { kind: 'interpolating', memory: 'h', gate: 'z', inverted, candidate: 'n', reset: 'r' });
    });
  }

  for (const text of ['tanh(W @ x + U @ h)', 'f * h - i * g', 'f * h + i * g + 1', 'f * h + 0.5 * g', '(f * h + i) * g', 'g * h + i * f2'])
    it(`invents no flow for ${text}`, () => {
      assert.deepEqual(structureOf(cell(`f = sigmoid(x)\ni = sigmoid(x)\ng = tanh(x)\nh' = ${text}`)), { kind: 'equations' });
    });
});

describe('rows', () => {
  const rowsFor = (source: string) => {
    const instance = cell(source);
    return rowsOf(instance, structureOf(instance));
  };

  it('name the lines of an LSTM by what they do', () => {
    assert.deepEqual(
      rowsFor(LSTM).map(({ letter, name, identity, quantity }) => `${letter} ${name} ${identity} ${quantity}`),
      [
        'f forget forget gate',
        'i store store gate',
        'g candidate candidate signed',
        'o output output gate',
        'c cell cell signed',
        'h hidden hidden signed',
      ],
    );
  });

  it('give the gate that keeps its hue whatever it is called, and a letter of its own', () => {
    const rows = rowsFor(`hold = sigmoid(x)\nhand = sigmoid(x)\nnew = tanh(x)\nm' = hold * m + hand * new`);
    assert.deepEqual(
      rows.map(({ letter, name, identity }) => `${letter} ${name} ${identity}`),
      ['ho hold forget', 'ha hand store', 'n new candidate', 'm cell cell'],
    );
  });

  it('give the lines of a free cell different hues', () => {
    const rows = rowsFor(`a = sigmoid(x)\nb = sigmoid(x)\nd = tanh(x)\ne = d - s\nm' = m + e\ns' = a * s + b`);
    assert.equal(new Set(rows.map(({ identity }) => identity)).size, rows.length);
  });

  it('keep the scale of bounded lines at 1, and set that of memories by their sizes', () => {
    const instance = cell(LSTM);
    const structure = structureOf(instance);
    const [f, , g, , c] = rowsOf(instance, structure);
    const sample = Float32Array.from({ length: 1001 }, (_, at) => (at - 500) / 10);
    assert.deepEqual(scaled(f!, sample, structure), f);
    assert.deepEqual(scaled(g!, sample.map(Math.tanh), structure), g);
    const memory = scaled(c!, sample, structure);
    assert.ok(Math.abs(memory.softness - 25) < 0.2 && Math.abs(memory.limit - 49.5) < 0.2, `${memory.softness} ${memory.limit}`);
  });
});

import assert from 'node:assert/strict';
import { evaluatedText } from '../../src/debug/breakpoints.ts';
import { evaluate, parseWatch } from '../../src/debug/evaluate.ts';
import { Names } from '../../src/debug/names.ts';
import { type Position, Stepper } from '../../src/debug/stepper.ts';
import { TraceValues } from '../../src/debug/values.ts';
import { BOTH_WAYS, BOTH_WAYS_CALLS, LSTM, LSTM_CALLS } from './sources.ts';
import { described, type Formula, FormulaTrace } from './traces.ts';

/** Unit u of line f at t is (t + u) / 10; of every other line its name's first letter's place in the alphabet, plus t. */
const counting: Formula = ({ line }, t, unit) => (line === 'f' ? (t + unit) / 10 : line.charCodeAt(0) - 96 + t);

const lstm = (): FormulaTrace => new FormulaTrace(described(LSTM, 10, { calls: LSTM_CALLS, size: 4 }), counting);

/** What an expression gives, standing in the LSTM's line o at t = 3: f, i, g and o are computed, c' and h' are of t = 2. */
const inCell: Position = { instance: 'h', line: 3, t: 3 };

const told = async (text: string, position = inCell, frame = 0, trace = lstm()): Promise<string> => {
  const parsed = parseWatch(text);
  if (parsed.kind === 'fault') return parsed.message;
  return evaluatedText(await evaluate(parsed.tree, new Names(new Stepper(trace.description), position, frame), new TraceValues(trace)));
};

/** The elements of a result, without rounding. */
const elements = async (text: string): Promise<string> => {
  const parsed = parseWatch(text);
  assert.ok(parsed.kind === 'expression', text);
  const trace = lstm();
  const result = await evaluate(parsed.tree, new Names(new Stepper(trace.description), inCell), new TraceValues(trace));
  assert.ok(result.kind === 'tensor', text);
  return `[${result.tensor.shape}] ${Array.from(result.tensor.data, (value) => Math.round(value * 1000) / 1000).join(' ')}`;
};

const table = (title: string, cases: Readonly<Record<string, string>>, run: (text: string) => Promise<string>): void => {
  describe(title, () => {
    for (const [text, expected] of Object.entries(cases)) it(`${text} is ${expected}`, async () => assert.equal(await run(text), expected));
  });
};

describe('expressions in the debugger', () => {
  table(
    'values and their timesteps',
    {
      f: '[4] 0.3 0.4 0.5 0.6',
      "c'": '[4] 5 5 5 5',
      c: '[4] 6 6 6 6',
      'at(f, 9)': '[4] 0.9 1 1.1 1.2',
      'previous(f)': '[4] 0.2 0.3 0.4 0.5',
      'next(f) - f': '[4] 0.1 0.1 0.1 0.1',
      'at(f, t - 1)[0]': '[] 0.2',
      'h.f[3]': '[] 0.6',
      t: '[] 3',
      T: '[] 10',
      'H * 2': '[] 8',
      'input + 0': '[] 12',
      'grad(f)[0] / 0.8 ** (T - 1 - t)': '[] 0.3',
    },
    elements,
  );

  table(
    'arithmetic',
    {
      'f * 10 + 1': '[4] 4 5 6 7',
      '-f[0] ** 2': '[] -0.09',
      '7 % 3 - -7 % 3': '[] -1',
      '0.35 < f < 0.55': '[4] 0 1 1 0',
      'f[1:3]': '[2] 0.4 0.5',
      'f[-1]': '[] 0.6',
      '[f; 2 * f][4:6]': '[2] 0.6 0.8',
      '[f, g][1]': '[4] 10 10 10 10',
      'f @ g': '[] 18',
      'outer(f, [1, 2])': '[4,2] 0.3 0.6 0.4 0.8 0.5 1 0.6 1.2',
      'outer(f, [1, 2]).T[1]': '[4] 0.6 0.8 1 1.2',
      'sum(outer(f, [1, 2]) @ [1, 1])': '[] 5.4',
      'not (1 > 2) and 3 != 4 or 0': '[] 1',
      true: '[] 1',
    },
    elements,
  );

  table(
    'functions',
    {
      'mean(f)': '[] 0.45',
      'max(f) - min(f)': '[] 0.3',
      'argmax(f)': '[] 3',
      'variance(f)': '[] 0.013',
      'norm(g)': '[] 20',
      'sum(f, over: H)': '[] 1.8',
      'softmax([0, 0])': '[2] 0.5 0.5',
      'entropy(softmax([0, 0])) / ln(2)': '[] 1',
      'cumsum(f)': '[4] 0.3 0.7 1.2 1.8',
      'saturated([0.05, 0.5, 0.95, 0.2])': '[] 0.5',
      'any(f > 0.5)': '[] 1',
      'all(f > 0.5)': '[] 0',
      'clip(f, 0.4, 0.5)': '[4] 0.4 0.4 0.5 0.5',
      'where(f > 0.45, f, 0)': '[4] 0 0 0.5 0.6',
      'maximum(f, 0.5)': '[4] 0.5 0.5 0.5 0.6',
      'sigmoid(0) + tanh(0) + relu(-1) + abs(-2) + sign(-3)': '[] 1.5',
      'gelu(1)': '[] 0.841',
      'softplus(0) / log(2)': '[] 1',
      'range(3)': '[3] 0 1 2',
      'isnan(0 / 0)': '[] 1',
    },
    elements,
  );

  table(
    'texts',
    {
      'mean(f)': '.45',
      f: '[4] mean .45, .30 … .60, 0 % < .1, 0 % > .9 ▁▅▅█▁▁',
      token: 'u',
      'token == "u"': '1',
    },
    told,
  );

  table(
    'what is wrong',
    {
      '': 'An expression is missing.',
      foo: 'Nothing is called foo here.',
      logit: 'Nothing is called logit here. Did you mean logits?',
      'f + [1, 2, 3]': '[4] + [3]: their sizes do not fit.',
      'f @ [1, 2]': '[4] @ [2]: 4 meets 2.',
      'f[4]': 'There is no element 4 of [4]: 0 to 3.',
      't[0]': 'A number has no elements.',
      'mean(f, g)': 'mean takes 1 argument, not 2.',
      'mean(f, over: K)': '[4] has no dimension K.',
      'lstm(f, 3)': 'lstm cannot be called here: a watch computes with values of the trace, and calls no cells.',
      'at(f, 10)': 'There is no timestep 10: t goes from 0 to 9.',
      'at(f + 1, 2)': 'at takes a value of the trace by its name: at(f, 17).',
      'grad(input)': 'input holds classes, and has no gradient.',
      'h.q': "h (lstm) has no q. It has f, i, g, o, c', h'.",
      'token + 1': '"u" is a text, not a number.',
    },
    told,
  );

  it('a value that comes later in the very first timestep is not there yet', async () => {
    assert.equal(await told("c'", { instance: 'h', line: 0, t: 0 }), "c' is not computed yet.");
  });

  it('while a line is under way the frame around sees its value of the timestep before', async () => {
    assert.match(await told('h', inCell, 1), /\(of t = 2, not yet computed\)$/);
    assert.doesNotMatch(await told('h', { instance: '', line: 1, t: 3 }), /not yet/);
  });

  it('after a loop its lines are values over time, and a line of a reverse run looks back to later timesteps', async () => {
    const trace = (): FormulaTrace =>
      new FormulaTrace(described(BOTH_WAYS, 6, { calls: BOTH_WAYS_CALLS, size: 2, once: ['total'] }), counting);
    assert.match(await told('e', { instance: '', line: 1 }, 0, trace()), /^\[6, 2\] mean /);
    assert.equal(await told('at(e, 5)[0]', { instance: '', line: 1 }, 0, trace()), '10');
    assert.match(await told("h'", { instance: 'h.backward', line: 0, t: 3 }, 0, trace()), /\(of t = 4, not yet computed\)$/);
    assert.equal(await told('h.backward.z[0]', { instance: '', line: 2, t: 3 }, 0, trace()), '29');
  });
});

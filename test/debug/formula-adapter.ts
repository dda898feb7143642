// The adapter over standard input and output, on a trace that is a formula.

import { UnrollDebugSession } from '../../src/debug/adapter.ts';
import { LSTM, LSTM_CALLS } from './sources.ts';
import { described, FormulaTrace } from './traces.ts';

new UnrollDebugSession({
  openTrace: async () => new FormulaTrace(described(LSTM, 100, { calls: LSTM_CALLS })),
  readSource: async () => LSTM,
}).start(process.stdin, process.stdout);

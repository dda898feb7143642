// A session of the debugger on a trace computed by formula.

import type { DebugProtocol } from '@vscode/debugprotocol';
import { type Client, connect } from './client.ts';
import { LSTM, LSTM_CALLS } from './sources.ts';
import { described, type Formula, FormulaTrace, type Made, waves } from './traces.ts';

export const SOURCE = { path: '/m/model.rnn' };
/** The line of an equation as the client counts, from 1. */
export const lineOf = (source: string, text: string): number => source.split('\n').findIndex((row) => row.includes(text)) + 1;
export const F = lineOf(LSTM, 'f  = sigmoid');

interface Given {
  readonly source?: string;
  readonly steps?: number;
  readonly made?: Made;
  readonly formula?: Formula;
  readonly uri?: string;
}

export const open = async (
  given: Given = {},
  launch: object = {},
): Promise<{ client: Client; trace: FormulaTrace; session: ReturnType<typeof connect>['session'] }> => {
  const { source = LSTM, steps = 100, made = { calls: LSTM_CALLS }, formula = waves, uri } = given;
  const trace = new FormulaTrace(described(source, steps, made, uri), formula);
  const { client, session } = connect({ openTrace: async () => trace, readSource: async (asked) => `source of ${asked}` });
  await client.launch(launch);
  return { client, trace, session };
};

export const breakAt = async (
  client: Client,
  breakpoints: readonly DebugProtocol.SourceBreakpoint[],
  source: object = SOURCE,
): Promise<DebugProtocol.Breakpoint[]> => (await client.ask('setBreakpoints', { source, breakpoints })).breakpoints;

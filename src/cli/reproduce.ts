// `unroll reproduce`: figures of the literature, computed anew, beside those that were published.

import { reproductions } from '../analysis/reproduce/reproductions.ts';
import { text } from '../report/words.ts';
import { type Command, UsageError } from './command.ts';

export const reproduceCommand: Command = {
  usage: 'NAME [--json] [--seed N]',
  summary: `Computes a figure of the literature anew, and sets it beside the published one; the status is 1 where it lies outside its band. NAME: ${Object.entries(
    reproductions,
  )
    .map(([name, { time }]) => `${name} (${time})`)
    .join(', ')}.`,
  positionals: 1,
  options: { json: { type: 'boolean' }, seed: { type: 'string' } },
  help: { json: 'as one JSON object', seed: 'of weights, inputs and the vector that the gradient begins with, 1' },
  async run(given, { terminal, engine }) {
    const name = given.positionals[0]!;
    if (!Object.hasOwn(reproductions, name))
      throw new UsageError(`There is no reproduction ${name}. There are ${Object.keys(reproductions).join(', ')}.`);
    // On a terminal the share that is done stands in a line that is rewritten.
    const { columns } = terminal;
    const shown = columns !== undefined && !given.flag('json');
    const found = await engine.request('reproduce', { name, seed: given.count('seed', 0) ?? 1 }, (event) => {
      if (shown && event.name === 'share') terminal.out(`\r\u001b[K${Math.round(100 * event.data.done)} %`);
    });
    if (shown) terminal.out('\r\u001b[K');
    if (given.flag('json')) terminal.out(`${JSON.stringify(found)}\n`);
    else {
      const rows = found.rows.map(({ what, quantity, ours, figure, low, high, passes }) => [
        what,
        quantity,
        text(ours),
        figure === undefined ? '–' : text(figure),
        `${text(low)} to ${text(high)}`,
        passes ? 'passes' : 'FAILS',
      ]);
      terminal.out(
        `${found.title}\n${found.source}\n\n${table([['', '', 'ours', 'published', 'band', ''], ...rows])}\n${text(found.seconds)} s\n`,
      );
    }
    return found.rows.every(({ passes }) => passes) ? 0 : 1;
  },
};

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, k) => Math.max(...rows.map((row) => row[k]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, k) => cell.padEnd(widths[k]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
